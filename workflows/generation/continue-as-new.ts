import { allHandlersFinished, condition, makeContinueAsNewFunc, workflowInfo } from '@temporalio/workflow';
import { generationWorkflowType } from '../../domain/names.ts';
import type { Order } from './order.ts';
import { carry } from './order.ts';

/** Whether nothing is left to wait for: no message being handled, no POST in flight, no side work. */
export function isQuiet(order: Order): boolean {
  return allHandlersFinished() && order.openSubmits === 0 && order.openErrands === 0;
}

/** Whether the history has grown long and nothing more urgent is to be done. */
export function isContinueAsNewDue(order: Order): boolean {
  return workflowInfo().continueAsNewSuggested && !order.isCancelDue;
}

/** Continues in a new run where Temporal suggests it. No signal or update is lost: each is handled before, or carried. */
export async function continueAsNewIfDue(order: Order): Promise<void> {
  if (!isContinueAsNewDue(order)) return;
  await condition(() => isQuiet(order) || order.isCancelDue);
  if (order.isCancelDue || order.resolution !== undefined || order.handedOverRequestId !== undefined) return;
  const { input, ...rest } = order.request;
  const { requestId } = order.state;
  const request = requestId === undefined ? { ...rest, input } : { ...rest, requestId };
  await makeContinueAsNewFunc({ workflowType: generationWorkflowType })(request, carry(order));
}
