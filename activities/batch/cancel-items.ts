import type { BatchActivities, CancelItemsQuestion } from '../../domain/batch/batch-activities.ts';
import { orderOfItem, pipelineOfItem } from '../../domain/batch/batch-item.ts';
import type { ItemMark, Made } from '../../domain/batch/item-order.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { answerWithinMs } from '../pipeline/cancel-generations.ts';
import { inParts } from '../pipeline/in-parts.ts';
import { withHeartbeats } from '../pipeline/with-heartbeats.ts';
import type { BatchDeps } from './batch-deps.ts';
import { createItemReader, type ItemToOrder } from './item-reader.ts';

/**
 * Asks all orders in flight to cancel, including those that a lost window has started. Asking twice changes nothing.
 */
export function createCancelItems(deps: BatchDeps): BatchActivities['cancelItems'] {
  return (question) =>
    withHeartbeats(async () => {
      const orders = question.hasPlan ? deps.pipelines : deps.orders;
      const readItem = createItemReader(deps, question);
      const asked = await inParts(question.doubtful, async (index) => {
        const item = await readItem(index);
        const made = await wasStarted(deps, question, item, { run: question.firstRunId, index });
        return { index, key: item.key, made };
      });
      const open = question.open.map(({ index }) => index);
      const taken = new Set((await inParts(open, readItem)).map(({ key }) => key));
      const attached: number[] = [];
      for (const { index, key, made } of asked) {
        // The same id may occur at several places, and an earlier run's mark says nothing about places in this run.
        if (made !== 'before' || taken.has(key)) continue;
        taken.add(key);
        attached.push(index);
      }
      // Temporal may no longer keep the orders that were paid.
      const isStarted = ({ index, made }: (typeof asked)[number]) =>
        made === true || attached.includes(index) || (question.paid?.[index] ?? 0) > 0;
      const started = asked.filter(isStarted).map(({ index }) => index);
      const outcomes = await inParts([...open, ...started], async (index): Promise<CancelOutcome> => {
        const { key } = await readItem(index);
        return await orders.cancel(key, question.reason, answerWithinMs);
      });
      return { outcomes, started, ...(attached.length > 0 && { attached }) };
    });
}

function wasStarted(
  { orders, pipelines }: BatchDeps,
  { hasPlan, plan, defaults }: CancelItemsQuestion,
  { key, item }: ItemToOrder,
  mark: ItemMark,
): Promise<Made> {
  if (hasPlan) return pipelines.wasStarted(key, mark, plan && defaults && pipelineOfItem(item, plan, defaults));
  return orders.wasStarted(key, mark, defaults && orderOfItem(item, defaults));
}
