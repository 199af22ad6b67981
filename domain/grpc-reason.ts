import { messageOf } from './text.ts';

/** What the server, or the way to it, gave as the reason of a failed gRPC call; the message of any other error. */
export function grpcReasonOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  // The error of Temporal's client, which has the one of the gRPC library beneath it.
  if (error.name === 'ServiceError' && error.cause !== undefined) return grpcReasonOf(error.cause);
  const said = 'code' in error && 'details' in error ? error.details : undefined;
  return typeof said === 'string' && said !== '' ? said : messageOf(error);
}
