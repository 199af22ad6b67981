import { condition, makeContinueAsNewFunc, patched, workflowInfo } from '@temporalio/workflow';
import type { GenerationRequest } from '../../domain/generation.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { isCarriable } from '../carriable.ts';
import { type CarriedMemory, carry, type Generation } from './memory.ts';
import { isQuiet } from './open-work.ts';
import { attributesToCarry } from './visibility.ts';
import { isAnythingWished } from './wishes.ts';

/** Whether everything that the next run needs can be handed to it. */
export function mayBeCarried(generation: Generation): boolean {
  return isCarriable(...argumentsOfNext(generation));
}

function argumentsOfNext(generation: Generation): [GenerationRequest, CarriedMemory] {
  const { input, ...rest } = generation.facts.request;
  const { requestId } = generation.state;
  const request = requestId === undefined ? { ...rest, input } : { ...rest, requestId };
  return [request as GenerationRequest, carry(generation)];
}

/** Whether the history has grown long and nothing more urgent is pending. */
export function isContinueAsNewDue({ wishes }: Generation): boolean {
  return workflowInfo().continueAsNewSuggested && !wishes.isCancelDue;
}

/**
 * Continues in a new run if Temporal suggests it. No signal or update is lost: each is handled before or carried over.
 */
export async function continueAsNewIfDue(generation: Generation): Promise<void> {
  const { wishes, state } = generation;
  if (!isContinueAsNewDue(generation) || !mayBeCarried(generation)) return;
  if (!isQuiet(generation)) {
    const isEveryWishHeard = patched('continue-as-new-hears-every-wish');
    const isHeld = state.phase === 'submission_unknown';
    const isWished = () => isAnythingWished(generation) || (isHeld && wishes.isWorkflowCancelled);
    await condition(() => isQuiet(generation) || (isEveryWishHeard ? isWished() : wishes.isCancelDue));
    if (isEveryWishHeard && isWished()) return;
  }
  if (isAnythingUrgent(generation)) return;
  const attributes = await attributesToCarry(generation);
  if (isAnythingUrgent(generation) || !isQuiet(generation)) return;
  const options = { workflowType: generationWorkflowType, ...(attributes && { typedSearchAttributes: attributes }) };
  await makeContinueAsNewFunc(options)(...argumentsOfNext(generation));
}

function isAnythingUrgent({ wishes }: Generation): boolean {
  return wishes.isCancelDue || wishes.decision !== undefined || wishes.handedOverRequestId !== undefined;
}
