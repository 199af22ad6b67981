import { condition, getExternalWorkflowHandle, log } from '@temporalio/workflow';
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
  await wishOf(group, { kind: 'cancel', ask, ...wish });
  // As long as a pipeline waits for the answers to cancels of its own.
  await condition(() => group.replies.has(ask) || group.isOver, '15 minutes');
  return group.replies.get(ask) ?? unansweredBy(group);
}

/** Has a group that another run started begin nothing new, and waits until it has ended. */
export async function releaseGroup(group: Group): Promise<void> {
  group.isReleased = true;
  while (!group.isOver) {
    if (!(await wishOf(group, { kind: 'release' }))) return;
    await condition(() => group.isOver, '1 minute');
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
