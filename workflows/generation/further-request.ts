import { log } from '@temporalio/workflow';
import { cancels } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';
import { runErrand } from './open-work.ts';

/** A second request turned out to belong to this order: it is kept, stopped if it still waits, and shouted about. */
export function noteFurtherRequest(generation: Generation, requestId: string): void {
  const { state } = generation;
  if (requestId === state.requestId || state.otherRequestIds?.includes(requestId)) return;
  state.otherRequestIds = [...(state.otherRequestIds ?? []), requestId];
  log.error('a further RunComfy request belongs to this order and may be billed', { requestId, model: state.model });
  runErrand(generation, stopFurtherRequest(state.model, requestId));
}

async function stopFurtherRequest(model: string, requestId: string): Promise<void> {
  try {
    await cancels.cancelRequest({ model, requestId });
  } catch (error) {
    log.error('the further request could not be cancelled', { requestId, reason: readActivityError(error).message });
  }
}
