import type { FailureDetails, Submission } from './generation.ts';
import { isJsonObject } from './json.ts';

/** The first detail of a failure, as it came; `{}` where it has none. */
export function readFailureDetails<Details extends object = FailureDetails>(failure: {
  details?: unknown[] | null | undefined;
}): Partial<Details> {
  const first = failure.details?.[0];
  return isJsonObject(first) ? (first as Partial<Details>) : {};
}

/** Whether the order provably cost nothing. Anything but the workflow's own word that nothing was accepted says no. */
export function isUnbilled(submission: unknown): submission is Extract<Submission, 'not_sent' | 'refused'> {
  return submission === 'not_sent' || submission === 'refused';
}

/** Takes the message out of an error's stack, in which a history would carry it once more. */
export function withoutMessageInStack<E extends Error>(error: E): E {
  if (error.stack !== undefined) error.stack = error.stack.replace(`: ${error.message}`, () => '');
  return error;
}
