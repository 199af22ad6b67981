import { isGrpcServiceError, isRetryableError } from '@temporalio/client';

/** The gRPC status codes. */
export const grpcCode = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** gRPC status code of an error or of its cause. */
export function grpcCodeOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? grpcCodeOf(error.cause) : undefined;
}

/** Whether a call ran into its deadline. The server may notice first, and then answers `cancelled`. */
export function isOutOfTime(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code === grpcCode.deadlineExceeded || code === grpcCode.cancelled;
}

/**
 * Whether the server is up but cannot do this now: it is overloaded, or the execution is being changed by another call.
 */
export function isBusy(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code === grpcCode.resourceExhausted || code === grpcCode.aborted || code === grpcCode.failedPrecondition;
}

/** Whether a server refuses a query because it does not have our search attributes. */
export function isOfUnknownAttributes(error: unknown): boolean {
  return grpcCodeOf(error) === grpcCode.invalidArgument;
}

/** Whether the caller closed the connection; gRPC reports that by its message alone. */
export function isConnectionClosed(error: unknown): boolean {
  return (
    error instanceof Error && (/channel has been shut down/i.test(error.message) || isConnectionClosed(error.cause))
  );
}

/**
 * Whether the same call may succeed later: the server is away, busy or hangs, or a proxy in front of it broke the call
 * off.
 */
export function mayPass(error: unknown): boolean {
  if (isGrpcServiceError(error)) return isRetryableError(error) || (isOutOfTime(error) && !isGivenUp(error.details));
  return error instanceof Error && error.cause !== undefined && mayPass(error.cause);
}

/** Whether the caller cancelled the call; the server uses the same code when it gives a call up. */
function isGivenUp(details: string): boolean {
  return /cancelled on client/i.test(details);
}
