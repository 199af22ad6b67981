import { readFailureDetails } from '../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../domain/failure-type.ts';
import type { FailureDetails } from '../domain/generation.ts';

/** What a handler says of keys, beside the failures of a generation itself. */
const keyFailureTypes = ['KeyInUse', 'KeyNotFound'] as const;

/** What became of a generation that was called by Nexus, or why nothing was ordered. */
export interface NexusGenerationFailure {
  type: FailureType | (typeof keyFailureTypes)[number];
  message: string;
  /** As they came; `{}` where there are none. */
  details: Partial<FailureDetails>;
}

/** As many as a failure has causes that Temporal keeps, and an end where they go round. */
const maxCauses = 20;

/**
 * The generation's own failure behind what an operation threw: the first of its causes that has one of our types, for the
 * server and the SDKs wrap it once or twice. Undefined for any other error, a cancellation included.
 */
export function generationFailureOf(error: unknown): NexusGenerationFailure | undefined {
  let cause: unknown = error;
  for (let depth = 0; depth < maxCauses && isFailure(cause); depth += 1) {
    const { type } = cause;
    if (isOurs(type)) return { type, message: cause.message, details: readFailureDetails(cause) };
    ({ cause } = cause);
  }
  return undefined;
}

/** By its fields: the sandbox has a copy of each class for itself, and so may the caller's packages. */
function isFailure(
  value: unknown,
): value is { type?: unknown; message: string; details?: unknown[] | null; cause?: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  const { message, details } = value as { message?: unknown; details?: unknown };
  return typeof message === 'string' && (details === undefined || details === null || Array.isArray(details));
}

function isOurs(type: unknown): type is NexusGenerationFailure['type'] {
  return isFailureType(type) || keyFailureTypes.some((known) => known === type);
}
