import { isGrpcServiceError, ServiceError } from '@temporalio/client';

/** The gRPC status codes that mean something here. */
export const grpcCode = {
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** gRPC status code of an error or of its cause. */
export function grpcCodeOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  return error instanceof Error && error.cause !== undefined ? grpcCodeOf(error.cause) : undefined;
}

/** What the server, or the way to it, gave as the reason of a failed call. */
export function grpcReasonOf(error: unknown): string {
  if (error instanceof ServiceError && error.cause !== undefined) return grpcReasonOf(error.cause);
  if (isGrpcServiceError(error)) return error.details === '' ? error.message : error.details;
  return error instanceof Error ? error.message : String(error);
}

/** Whether Temporal itself gave no answer, or refused us at the door. */
export function isUnreachable(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return (
    code === grpcCode.unavailable ||
    code === grpcCode.permissionDenied ||
    code === grpcCode.unauthenticated ||
    code === grpcCode.deadlineExceeded
  );
}

/** Whether a call with a deadline ran out of time: the server may be first to give it up, and then says `cancelled`. */
export function isOutOfTime(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return code === grpcCode.deadlineExceeded || code === grpcCode.cancelled;
}

/** Whether the server is away for now, so that the same call may succeed later. */
export function isServerAway(error: unknown): boolean {
  return grpcCodeOf(error) === grpcCode.unavailable;
}
