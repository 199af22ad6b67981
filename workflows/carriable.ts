import { patched } from '@temporalio/workflow';
import { jsonBytes } from '../domain/json.ts';
import { maxBytesAtOnce } from '../domain/request.ts';

/**
 * Largest arguments for the next run, in bytes of JSON; leaves room for what is added meanwhile, and for encryption.
 */
const maxCarriedBytes = maxBytesAtOnce - 4 * 1024;

/** Whether the next run can be handed its arguments. If not, this run goes on, since its tasks would fail for ever. */
export function isCarriable(...argumentsOfNext: unknown[]): boolean {
  return jsonBytes(argumentsOfNext) <= maxCarriedBytes || !patched('what-is-too-large-is-not-carried');
}

/**
 * The same where `patched` must not be called. No run was ever handed more, so no older history continues with more.
 */
export function isCarriableAsBefore(...argumentsOfNext: unknown[]): boolean {
  return jsonBytes(argumentsOfNext) <= maxBytesAtOnce;
}
