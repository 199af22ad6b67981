import { log } from '@temporalio/workflow';
import type { CancelAnswer } from '../../domain/activities.ts';
import { cancels } from '../activity-options.ts';
import { cancelledEnd, reasonOf } from './ending.ts';
import type { Order } from './order.ts';
import { noteReading } from './order.ts';

/**
 * Notes that someone wants the generation stopped. Called by handlers, so it only marks what the main path has to do;
 * where there is nothing to be done any more, the outcome is known at once.
 */
export function requestCancel(order: Order, reason: string | undefined): void {
  const { state } = order;
  if (order.hasEnded) return;
  const cancel = (state.cancel ??= { requestedAt: new Date().toISOString() });
  if (reason !== undefined) cancel.reason ??= reason;
  if (state.phase === 'submission_unknown') {
    cancel.outcome = 'unknown';
  } else if (state.phase === 'fetching_result') {
    cancel.outcome ??= 'too_late';
  } else if (cancel.outcome !== 'not_cancellable' || order.isWorkflowCancelled) {
    if (cancel.outcome === 'unknown') delete cancel.outcome;
    order.isCancelDue = true;
    order.interrupt?.();
  }
}

/** Asks RunComfy to stop the work and follows the answer: throws the end, or returns to go on waiting for the work. */
export async function obeyCancel(order: Order): Promise<void> {
  const { state } = order;
  const cancel = (state.cancel ??= { requestedAt: new Date().toISOString() });
  if (state.phase !== 'fetching_result' && cancel.outcome !== 'not_cancellable') {
    cancel.outcome = (await askToCancel(order))?.outcome ?? 'unknown';
  }
  order.isCancelDue = false;
  if (cancel.outcome === 'cancelled') throw cancelledEnd(order, 'cancelled; RunComfy stopped the work');
  if (state.phase === 'fetching_result') {
    cancel.outcome = 'too_late';
    return;
  }
  const policy = order.request.onCancelWhileRunning ?? (order.isWorkflowCancelled ? 'detach' : 'wait');
  if (policy === 'detach') {
    const truth =
      cancel.outcome === 'not_cancellable'
        ? 'RunComfy could not stop the work any more: it runs on and may be billed'
        : 'RunComfy gave no answer to the cancel: the work may run on and be billed';
    throw cancelledEnd(order, `no longer followed; ${truth}`);
  }
}

/** RunComfy's answer to a cancel, or undefined when none came in half a minute. */
export async function askToCancel(order: Order): Promise<CancelAnswer | undefined> {
  const { model, requestId } = order.state;
  if (requestId === undefined) return undefined;
  try {
    const answer = await cancels.cancelRequest({ model, requestId, readsSoFar: order.state.reads });
    if (answer.status) noteReading(order, { status: answer.status, readAt: answer.readAt, reads: answer.reads });
    else order.state.reads += answer.reads;
    return answer;
  } catch (error) {
    const { message, details } = reasonOf(error);
    order.state.reads += details.reads ?? 0;
    log.warn('RunComfy did not answer the cancel', { requestId, reason: message });
    return undefined;
  }
}
