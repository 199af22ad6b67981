import type { RequestStatus } from '../../domain/activities.ts';
import { wellFormed } from '../../domain/text.ts';

/**
 * Every status word that real clients of RunComfy handle, for both endpoints. `completed` in a status reply means that
 * the work is over; in a result reply, that it succeeded, unless an error stands in place of the output.
 */
const statusWords: Readonly<Record<string, Exclude<RequestStatus, 'unrecognized'>>> = {
  in_queue: 'in_queue',
  pending: 'in_queue',
  waiting: 'in_queue',
  queued: 'in_queue',
  in_progress: 'in_progress',
  starting: 'in_progress',
  processing: 'in_progress',
  completed: 'finished',
  succeeded: 'finished',
  success: 'finished',
  done: 'finished',
  failed: 'failed',
  error: 'failed',
  timeout: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};

const maxWordLength = 100;

/** Normalizes a status word for comparison: trimmed, in lower case, and `''` for anything but a string. */
export function normalizeWord(word: unknown): string {
  return typeof word === 'string' ? word.trim().toLowerCase() : '';
}

/** What a status word means; `unrecognized` for an empty, missing or unknown one. */
export function readStatusWord(word: unknown): RequestStatus {
  const key = normalizeWord(word);
  return Object.hasOwn(statusWords, key) ? (statusWords[key] ?? 'unrecognized') : 'unrecognized';
}

/** Whether this is RunComfy's documented word for work that ended without an output. */
export function isDocumentedEnd(word: unknown): boolean {
  return ['failed', 'cancelled', 'canceled'].includes(normalizeWord(word));
}

/** RunComfy's own word, bounded, for messages about a status that is not recognised. */
export function quoteStatusWord(word: unknown): string {
  if (word === undefined) return '';
  return wellFormed((typeof word === 'string' ? word.trim() : JSON.stringify(word)).slice(0, maxWordLength));
}
