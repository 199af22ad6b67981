import type { FailureDetails, Submission } from './generation.ts';
import { isJsonObject } from './json.ts';

/** The first entry in the `details` of a failure, unchecked; `{}` if there is none. */
export function readFailureDetails<Details extends object = FailureDetails>(failure: {
  details?: unknown[] | null | undefined;
}): Partial<Details> {
  const first = failure.details?.[0];
  return isJsonObject(first) ? (first as Partial<Details>) : {};
}

/** Whether the order provably cost nothing: only if the workflow itself says that nothing was accepted. */
export function isUnbilled(submission: unknown): submission is Extract<Submission, 'not_sent' | 'refused'> {
  return submission === 'not_sent' || submission === 'refused';
}

/** Removes the message from an error's stack, so that the history does not store it twice. */
export function withoutMessageInStack<E extends Error>(error: E): E {
  if (error.stack !== undefined) error.stack = error.stack.replace(`: ${error.message}`, () => '');
  return error;
}
