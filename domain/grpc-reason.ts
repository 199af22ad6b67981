import { messageOf } from './text.ts';

/** The reason that the server, or a proxy in between, gave for a failed gRPC call; for any other error its message. */
export function grpcReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  // Temporal's client wraps the error of the gRPC library.
  if (error.name === 'ServiceError' && error.cause !== undefined) return grpcReasonOf(error.cause);
  const said = 'code' in error && 'details' in error ? error.details : undefined;
  return typeof said === 'string' && said !== '' ? said : messageOf(error);
}
