import type { Client } from '@temporalio/client';
import type { ItemEnd, PaidBefore } from '../../domain/batch/item-end.ts';
import type { FailedItem, ItemMark, ItemStart, Made, OrderPlace } from '../../domain/batch/item-order.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { batchItemMemoKey } from '../../domain/names.ts';
import { isGenerationError } from '../errors.ts';

/** The orders of items of batches, by their keys. */
export interface ItemOrders<Order extends object> {
  start: (order: Order, place: OrderPlace) => Promise<ItemStart>;
  follow: (key: string, signal: AbortSignal) => Promise<ItemEnd>;
  closedAt: (key: string) => Promise<Date | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
  wasStarted: (key: string, mark: ItemMark, order?: Order) => Promise<Made>;
}

/** The mark of an order; undefined where it was made otherwise, or cannot be read here. */
export async function readMark(client: Client, key: string): Promise<(ItemMark & PaidBefore) | undefined> {
  const { memo } = await client.workflow.getHandle(key).describe();
  const mark = memo?.[batchItemMemoKey];
  return isJsonObject(mark) ? (mark as unknown as ItemMark) : undefined;
}

/** Whether both are of the same place of the same batch. */
function isSameMark(a: ItemMark | undefined, b: ItemMark): boolean {
  return a?.run === b.run && a.index === b.index;
}

/**
 * Whether the batch has made what stands under a key. An earlier run of it, which was ended from outside, had a chain of its
 * own, and its items may have stood at other places.
 */
export async function madeBy(client: Client, key: string, mark: ItemMark): Promise<Made> {
  const known = await readMark(client, key);
  if (known === undefined) return false;
  return known.run === mark.run ? known.index === mark.index : 'before';
}

/** How an order that was found stands to the place that wanted to make it. */
export async function foundAs(client: Client, key: string, mark: ItemMark): Promise<ItemStart> {
  const known = await readMark(client, key);
  if (isSameMark(known, mark)) return { isStarted: true };
  // Of an earlier run it is counted here: its items may have stood at other places.
  const isRepeat = known?.run === mark.run;
  return { isStarted: true, attached: true, ...(isRepeat && { isRepeat }) };
}

/** The line of an item whose order is refused before it is made; anything else is thrown on. */
export function refusedItem(error: unknown): FailedItem {
  if (!isGenerationError(error) || (error.type !== 'InvalidInput' && error.type !== 'KeyInUse')) throw error;
  const { message, issues } = error;
  return { failure: { error: { type: 'InvalidInput', message, submission: 'not_sent', ...(issues && { issues }) } } };
}

/** Temporal has no such order, or no more: it is not made again, since it may have been billed. */
export function lostItem(key: string): FailedItem {
  const message = `Temporal has no "${key}", or keeps it no longer: whether it was ordered is not known here`;
  return { failure: { error: { type: 'SubmitOutcomeUnknown', message, submission: 'unknown' } } };
}
