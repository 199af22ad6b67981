import { log } from '@temporalio/workflow';
import { cancels } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';
import { runErrand } from './open-work.ts';
import { countFurtherCost } from './visibility.ts';

/** A second request turned out to belong to this order: it is kept, stopped if it still waits, and shouted about. */
export function noteFurtherRequest(generation: Generation, requestId: string): void {
  const { state } = generation;
  if (requestId === state.requestId || state.otherRequestIds?.includes(requestId)) return;
  state.otherRequestIds = [...(state.otherRequestIds ?? []), requestId];
  log.error('a further RunComfy request belongs to this order and may be billed', { requestId, model: state.model });
  runErrand(generation, stopFurtherRequest(generation, requestId));
}

async function stopFurtherRequest(generation: Generation, requestId: string): Promise<void> {
  const { state } = generation;
  try {
    const { costUsd } = await cancels.cancelRequest({ model: state.model, requestId });
    if (costUsd === undefined) return;
    state.otherCostUsd = (state.otherCostUsd ?? 0) + costUsd;
    countFurtherCost(generation, costUsd);
  } catch (error) {
    log.error('the further request could not be cancelled', { requestId, reason: readActivityError(error).message });
  }
}
