import { log } from '@temporalio/workflow';
import { cancels } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';
import { runErrand } from './open-work.ts';
import { countFurtherCost } from './visibility.ts';

/**
 * Records that the latest POST of this order may have been accepted and that another one follows: it may be a further
 * bill.
 */
export function leaveInDoubt(generation: Generation): void {
  generation.doubt.unnamed += 1;
  countUnknownCosts(generation, 1);
}

/**
 * Records that the latest POST was not accepted, or not made. One of the earlier POSTs is then the order's own, and no
 * longer counts as a further one.
 */
export function forgetLatest(generation: Generation): void {
  if (generation.doubt.unnamed === 0) return;
  generation.doubt.unnamed -= 1;
  countUnknownCosts(generation, -1);
}

/** Records a second request that belongs to this order, cancels it in case it is still queued, and logs an error. */
export function noteFurtherRequest(generation: Generation, requestId: string): void {
  const { state, doubt } = generation;
  if (requestId === state.requestId || state.otherRequestIds?.includes(requestId)) return;
  state.otherRequestIds = [...(state.otherRequestIds ?? []), requestId];
  if (doubt.unnamed > 0) doubt.unnamed -= 1;
  else countUnknownCosts(generation, 1);
  log.error('a further RunComfy request belongs to this order and may be billed', { requestId, model: state.model });
  runErrand(generation, stopFurtherRequest(generation, requestId));
}

async function stopFurtherRequest(generation: Generation, requestId: string): Promise<void> {
  const { state } = generation;
  try {
    const { outcome, costUsd } = await cancels.cancelRequest({ model: state.model, requestId });
    if (costUsd === undefined && outcome !== 'cancelled') return;
    state.otherCostUsd = (state.otherCostUsd ?? 0) + (costUsd ?? 0);
    countUnknownCosts(generation, -1);
    if (costUsd !== undefined) countFurtherCost(generation, costUsd);
  } catch (error) {
    log.error('the further request could not be cancelled', { requestId, reason: readActivityError(error).message });
  }
}

function countUnknownCosts({ state }: Generation, change: 1 | -1): void {
  const count = (state.otherCostsUnknown ?? 0) + change;
  if (count > 0) state.otherCostsUnknown = count;
  else delete state.otherCostsUnknown;
}
