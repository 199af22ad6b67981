import { condition, getExternalWorkflowHandle, log, workflowInfo } from '@temporalio/workflow';
import type { PipelineCancelReply } from '../../domain/pipeline-run.ts';
import { hasStepEnded } from '../../domain/step-rules.ts';
import { messageOf } from '../../domain/text.ts';
import { type GroupWish, groupWishSignal } from './group-messages.ts';
import type { Group } from './memory.ts';

/** Has a group ask what is open to cancel, and tells what became of each of its orders. */
export async function cancelGroup(
  group: Group,
  wish: { reason?: string; detach?: boolean },
): Promise<PipelineCancelReply['steps']> {
  group.asks += 1;
  const ask = group.asks;
  const before = new Set(group.isReleased ? [] : group.step.items.filter(hasStepEnded).map(({ index }) => index));
  // Longer than the group waits for the answers to its cancels. A wish that it could not read it may read later.
  for (let left = 17; left > 0 && !group.replies.has(ask) && !group.isOver; left -= 1) {
    await wishOf(group, { kind: 'cancel', ask, ...wish });
    await condition(() => group.replies.has(ask) || group.isOver, '1 minute');
  }
  const told = group.replies.get(ask) ?? unansweredBy(group);
  const isTold = (at: number) => told.some(({ index }) => index === at);
  // What it began no more because of a wish before this one, it tells in no answer.
  const unbegun = group.step.items.filter((item) => item.phase === 'not_started' && !before.has(item.index));
  const more = unbegun.filter(({ index }) => !isTold(index));
  return [...told, ...more.map(({ index }) => ({ id: group.step.id, index, outcome: 'not_submitted' as const }))];
}

/** Has a group that another run started begin nothing new, and waits until it has ended. */
export async function releaseGroup(group: Group): Promise<void> {
  group.isReleased = true;
  for (let waitMs = 60_000; !group.isOver; waitMs = Math.min(2 * waitMs, 3_600_000)) {
    if (!(await wishOf(group, { kind: 'release', by: workflowInfo().runId }))) return;
    await condition(() => group.isOver, waitMs);
  }
}

/** False where nobody hears it: it has ended. */
async function wishOf({ id }: Group, wish: GroupWish): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(id).signal(groupWishSignal, wish);
    return true;
  } catch (error) {
    log.warn('the group of the orders was not reached', { id, reason: messageOf(error) });
    return false;
  }
}

function unansweredBy({ step }: Group): PipelineCancelReply['steps'] {
  const open = step.items.filter((item) => !hasStepEnded(item));
  return open.map(({ index, key }) => ({ id: step.id, index, ...(key && { key }), outcome: 'unknown' as const }));
}
