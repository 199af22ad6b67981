import { readFailureDetails } from '../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../domain/failure-type.ts';
import type { FailureDetails } from '../domain/generation.ts';

/** Failures about keys that a handler reports, in addition to those of a generation itself. */
const keyFailureTypes = ['KeyInUse', 'KeyNotFound'] as const;

/** How a generation called through Nexus failed, or why nothing was ordered. */
export interface NexusGenerationFailure {
  type: FailureType | (typeof keyFailureTypes)[number];
  message: string;
  /** Unchecked; `{}` if there are none. */
  details: Partial<FailureDetails>;
}

/** Most causes to look at: as many as Temporal keeps, and a bound in case they form a cycle. */
const maxCauses = 20;

/**
 * The generation's own failure behind an error thrown by an operation: its first cause with one of our types, since the
 * server and the SDKs wrap it once or twice. Undefined for any other error, including a cancellation.
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

/**
 * Checks fields instead of classes: the workflow sandbox has its own copy of each class, and so may the caller's
 * packages.
 */
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
