import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { SubmissionResolution } from '../../domain/generation.ts';
import type { Decision, Generation, Wishes } from './memory.ts';

/** Makes the main path ask RunComfy to stop, as soon as it may be interrupted. */
export function wishCancel({ wishes }: Generation): void {
  wishes.isCancelDue = true;
  wishes.interrupt?.();
}

/** Marks the cancel as done: nothing is left to do about it. */
export function settleCancelWish({ wishes }: Generation): void {
  wishes.isCancelDue = false;
}

/** Records that the workflow itself was cancelled: whoever did that expects it to end. */
export function noteWorkflowCancellation({ wishes }: Generation): void {
  wishes.isWorkflowCancelled = true;
}

export function noteDeadline({ wishes }: Generation): void {
  wishes.isDeadlinePassed = true;
  wishes.interrupt?.();
}

/** Records that the queue deadline has passed. It is handled once nothing more urgent is pending. */
export function noteQueueDeadline({ wishes }: Generation): void {
  wishes.isQueueDeadlinePassed = true;
  wishes.interrupt?.();
}

export function settleQueueDeadline({ wishes }: Generation): void {
  wishes.isQueueDeadlinePassed = false;
}

/** Keeps a wish for later: while the work is believed to be over, there is nothing to ask for. */
export function keepLateWish({ wishes }: Generation, wish: 'cancel' | 'queue_deadline'): void {
  wishes.late.add(wish);
}

export function takeLateWishes({ wishes }: Generation): Wishes['late'] {
  const late = new Set(wishes.late);
  wishes.late.clear();
  return late;
}

/** Marks the deadline as being acted on, so that it does not interrupt what follows. */
export function settleDeadline({ wishes }: Generation): void {
  wishes.isDeadlinePassed = false;
}

/** Records that somebody wants a read now. `isWaiting`: the activity waits for its next read, not for an answer. */
export function wishRead({ wishes }: Generation, isWaiting: boolean): void {
  wishes.isNudged = true;
  if (isWaiting) wishes.interrupt?.();
}

export function settleReadWish({ wishes }: Generation): void {
  wishes.isNudged = false;
}

/** Records a request id that a worker handed over while there was none. False if it is not the first one. */
export function noteHandedOver({ wishes }: Generation, requestId: string): boolean {
  wishes.handedOverRequestId ??= requestId;
  return wishes.handedOverRequestId === requestId;
}

export function takeHandedOver({ wishes }: Generation): string | undefined {
  const { handedOverRequestId } = wishes;
  wishes.handedOverRequestId = undefined;
  return handedOverRequestId;
}

/** Records a person's decision about the unknown submission. The returned object shows what becomes of it. */
export function noteDecision({ wishes }: Generation, resolution: SubmissionResolution): Decision {
  wishes.decision = { resolution, isAnswered: false };
  return wishes.decision;
}

/** Answers the pending decision, if there is one: obeyed, or refused for a reason. */
export function answerDecision({ wishes }: Generation, refusal?: string): SubmissionResolution | undefined {
  const { decision } = wishes;
  if (!decision) return undefined;
  wishes.decision = undefined;
  decision.isAnswered = true;
  if (refusal !== undefined) decision.refusal = refusal;
  return decision.resolution;
}

/** Whether something from outside is waiting to be acted on. */
export function isAnythingWished({ wishes }: Generation): boolean {
  const { isCancelDue, isDeadlinePassed, handedOverRequestId, decision } = wishes;
  return isCancelDue || isDeadlinePassed || handedOverRequestId !== undefined || decision !== undefined;
}

/** What is more urgent than a read, if anything is. */
export function urgentWish({ wishes }: Generation): 'cancel' | 'deadline' | 'queue_deadline' | undefined {
  if (wishes.isCancelDue) return 'cancel';
  if (wishes.isDeadlinePassed) return 'deadline';
  return wishes.isQueueDeadlinePassed ? 'queue_deadline' : undefined;
}

/**
 * Waits for `run` unless a cancel or a deadline cuts in. It then returns the answer if there still is one, else
 * undefined.
 */
export async function interruptible<T>(generation: Generation, run: () => Promise<T>): Promise<T | undefined> {
  const { wishes } = generation;
  if (urgentWish(generation)) return undefined;
  const scope = new CancellationScope({ cancellable: true, parent: CancellationScope.current() });
  const interrupt = () => {
    scope.cancel();
  };
  wishes.interrupt = interrupt;
  try {
    return await scope.run(run);
  } catch (error) {
    if (scope.consideredCancelled && isCancellation(error)) return undefined;
    throw error;
  } finally {
    if (wishes.interrupt === interrupt) wishes.interrupt = undefined;
  }
}
