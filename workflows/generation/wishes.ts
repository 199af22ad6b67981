import { CancellationScope, isCancellation } from '@temporalio/workflow';
import type { SubmissionResolution } from '../../domain/generation.ts';
import type { Decision, Generation, Wishes } from './memory.ts';

/** Has the main path ask RunComfy to stop, as soon as what it does may be interrupted. */
export function wishCancel({ wishes }: Generation): void {
  wishes.isCancelDue = true;
  wishes.interrupt?.();
}

/** Nothing is to be done about a cancel any more. */
export function settleCancelWish({ wishes }: Generation): void {
  wishes.isCancelDue = false;
}

/** The workflow itself was cancelled: whoever did that expects it to end. */
export function noteWorkflowCancellation({ wishes }: Generation): void {
  wishes.isWorkflowCancelled = true;
}

export function noteDeadline({ wishes }: Generation): void {
  wishes.isDeadlinePassed = true;
  wishes.interrupt?.();
}

/** The deadline of the queue has passed; what it means is looked at once nothing more urgent is to be done. */
export function noteQueueDeadline({ wishes }: Generation): void {
  wishes.isQueueDeadlinePassed = true;
  wishes.interrupt?.();
}

export function settleQueueDeadline({ wishes }: Generation): void {
  wishes.isQueueDeadlinePassed = false;
}

/** There is nothing to ask while the work is taken for over. */
export function keepLateWish({ wishes }: Generation, wish: 'cancel' | 'queue_deadline'): void {
  wishes.late.add(wish);
}

export function takeLateWishes({ wishes }: Generation): Wishes['late'] {
  const late = new Set(wishes.late);
  wishes.late.clear();
  return late;
}

/** The deadline is being acted on: what follows is not interrupted by it. */
export function settleDeadline({ wishes }: Generation): void {
  wishes.isDeadlinePassed = false;
}

/** Somebody wants a read now; `isWaiting`: what goes on is a wait, not an answer. */
export function wishRead({ wishes }: Generation, isWaiting: boolean): void {
  wishes.isNudged = true;
  if (isWaiting) wishes.interrupt?.();
}

export function settleReadWish({ wishes }: Generation): void {
  wishes.isNudged = false;
}

/** A worker brought a request id while there was none. False: it had brought another one already. */
export function noteHandedOver({ wishes }: Generation, requestId: string): boolean {
  wishes.handedOverRequestId ??= requestId;
  return wishes.handedOverRequestId === requestId;
}

export function takeHandedOver({ wishes }: Generation): string | undefined {
  const { handedOverRequestId } = wishes;
  wishes.handedOverRequestId = undefined;
  return handedOverRequestId;
}

/** A person has decided about the unknown submission; what became of it can be read in the answer. */
export function noteDecision({ wishes }: Generation, resolution: SubmissionResolution): Decision {
  wishes.decision = { resolution, isAnswered: false };
  return wishes.decision;
}

/** Answers a decision that is waited for: obeyed, or refused for a reason. */
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

/** Waits for `run` unless a cancel or the deadline cuts in; then its answer, if it still had one, else undefined. */
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
