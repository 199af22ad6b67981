import { condition, getExternalWorkflowHandle, log, workflowInfo } from '@temporalio/workflow';
import { jsonBytes } from '../../domain/json.ts';
import type { ItemState } from '../../domain/pipeline-run.ts';
import { messageOf } from '../../domain/text.ts';
import { type GroupNews, groupNewsSignal, type GroupOrder } from './group-messages.ts';
import { type Pipeline, stepState } from './memory.ts';

const shortestMs = 1_000;
const longestMs = 120_000;
const maxNewsBytes = 500 * 1024;

/** What a group has to tell besides its items. */
export interface Telling {
  replies: NonNullable<GroupNews['replies']>;
  /** The items as they were told, or given; what stands otherwise is told. */
  readonly known: Map<number, string>;
  /** Its step has ended, or is let go. */
  isOver: boolean;
}

/**
 * Tells the pipeline what has changed, until all is over. Each time leaves four events in the pipeline's history: one for
 * every order is in the budget, and further ones come the rarer the longer it runs.
 */
export async function tellPipeline(group: Pipeline, { key, id, steps }: GroupOrder, telling: Telling): Promise<void> {
  const step = stepState(group, id);
  const items = () => step.items ?? [];
  const { known } = telling;
  for (const item of steps.find((each) => each.id === id)?.items ?? []) known.set(item.index, JSON.stringify(item));
  const pipeline = getExternalWorkflowHandle(key);
  const startedAt = Date.now();
  let heard = 0;
  let sent = 0;
  let lastAt = 0;
  let isStopTold = false;
  const isUrgent = () => telling.isOver || telling.replies.length > 0 || (group.stop !== undefined && !isStopTold);
  for (let isTold = false; !isTold;) {
    await condition(() => group.changes !== heard || telling.isOver);
    const isBeyond = sent >= items().length;
    const everyMs = isBeyond ? Math.max(shortestMs, Math.min((Date.now() - startedAt) / 32, longestMs)) : shortestMs;
    const waitMs = lastAt + everyMs - Date.now();
    if (waitMs > 0) await condition(isUrgent, waitMs);
    heard = group.changes;
    isStopTold = group.stop !== undefined;
    const { isOver } = telling;
    // As they are now: what changes while they are told is told next.
    const changed = items().flatMap((item) => {
      const text = JSON.stringify(item);
      if (known.get(item.index) === text) return [];
      known.set(item.index, text);
      return JSON.parse(text) as ItemState;
    });
    const parts = inParts(changed);
    for (const [at, part] of parts.entries()) {
      const isLast = isOver && at === parts.length - 1;
      // A run that continues must have been heard: what the next one tells may overtake it.
      group.busy += 1;
      try {
        await pipeline.signal(groupNewsSignal, newsOf(part, isLast));
      } catch (error) {
        log.warn('the pipeline hears nothing any more', { key, reason: messageOf(error) });
        return;
      } finally {
        group.busy -= 1;
      }
      sent += 1;
    }
    isTold = isOver;
    lastAt = Date.now();
  }

  function newsOf(part: ItemState[], isLast: boolean): GroupNews {
    const { phase, reason, failure, costUsd } = step;
    return {
      group: workflowInfo().workflowId,
      step: JSON.parse(JSON.stringify({ phase, reason, failure, costUsd })) as GroupNews['step'],
      items: part,
      money: group.money,
      replies: telling.replies.splice(0),
      ...(group.stop?.failure && { failure: group.stop.failure }),
      ...(isLast && { last: { isStopped: group.stop !== undefined } }),
    };
  }
}

/** At least one part, be it empty. */
function inParts(items: readonly ItemState[]): ItemState[][] {
  const parts: ItemState[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    bytes += jsonBytes(item);
    if (bytes > maxNewsBytes && parts.at(-1)?.length) {
      parts.push([]);
      bytes = jsonBytes(item);
    }
    parts.at(-1)?.push(item);
  }
  return parts;
}
