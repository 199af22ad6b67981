import { patched } from '@temporalio/workflow';
import { jsonBytes } from '../domain/json.ts';
import { maxBytesAtOnce } from '../domain/request.ts';

/** Leaves room for what is noted meanwhile, and for encryption. */
const maxCarriedBytes = maxBytesAtOnce - 4 * 1024;

/** Whether the next run can be handed its arguments. Where it cannot, this one goes on: its tasks would fail for ever. */
export function isCarriable(...argumentsOfNext: unknown[]): boolean {
  return jsonBytes(argumentsOfNext) <= maxCarriedBytes || !patched('what-is-too-large-is-not-carried');
}

/** The same where no patch may be asked for: no run has ever been handed more, so no older history continues with more. */
export function isCarriableAsBefore(...argumentsOfNext: unknown[]): boolean {
  return jsonBytes(argumentsOfNext) <= maxBytesAtOnce;
}
