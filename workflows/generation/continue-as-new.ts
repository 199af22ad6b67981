import { condition, makeContinueAsNewFunc, workflowInfo } from '@temporalio/workflow';
import { generationWorkflowType } from '../../domain/names.ts';
import type { Generation } from './memory.ts';
import { carry } from './memory.ts';
import { isQuiet } from './open-work.ts';

/** Whether the history has grown long and nothing more urgent is to be done. */
export function isContinueAsNewDue({ wishes }: Generation): boolean {
  return workflowInfo().continueAsNewSuggested && !wishes.isCancelDue;
}

/** Continues in a new run where Temporal suggests it. No signal or update is lost: each is handled before, or carried. */
export async function continueAsNewIfDue(generation: Generation): Promise<void> {
  const { wishes, facts, state } = generation;
  if (!isContinueAsNewDue(generation)) return;
  await condition(() => isQuiet(generation) || wishes.isCancelDue);
  if (wishes.isCancelDue || wishes.resolution !== undefined || wishes.handedOverRequestId !== undefined) return;
  const { input, ...rest } = facts.request;
  const { requestId } = state;
  const request = requestId === undefined ? { ...rest, input } : { ...rest, requestId };
  await makeContinueAsNewFunc({ workflowType: generationWorkflowType })(request, carry(generation));
}
