import type { Client } from '@temporalio/client';
import type { ItemEnd, PaidBefore } from '../../domain/batch/item-end.ts';
import type { FailedItem, ItemMark, ItemStart, Made, OrderPlace } from '../../domain/batch/item-order.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { batchItemMemoKey } from '../../domain/names.ts';
import { isGenerationError } from '../errors.ts';

/** Makes and follows the orders of batch items, by their keys. */
export interface ItemOrders<Order extends object> {
  start: (order: Order, place: OrderPlace) => Promise<ItemStart>;
  follow: (key: string, signal: AbortSignal) => Promise<ItemEnd>;
  closedAt: (key: string) => Promise<Date | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
  wasStarted: (key: string, mark: ItemMark, order?: Order) => Promise<Made>;
}

/** The mark of an order; undefined if no batch made it, or if its memo has no readable mark. */
export async function readMark(client: Client, key: string): Promise<(ItemMark & PaidBefore) | undefined> {
  const { memo } = await client.workflow.getHandle(key).describe();
  const mark = memo?.[batchItemMemoKey];
  return isJsonObject(mark) ? (mark as unknown as ItemMark) : undefined;
}

/** Whether both marks name the same item of the same run of a batch. */
function isSameMark(a: ItemMark | undefined, b: ItemMark): boolean {
  return a?.run === b.run && a.index === b.index;
}

/**
 * Whether the batch has made the order under a key; `before`: an earlier run of the batch made it. That run was ended
 * from outside and had a chain of its own, in which the items may have had other positions.
 */
export async function madeBy(client: Client, key: string, mark: ItemMark): Promise<Made> {
  const known = await readMark(client, key);
  if (known === undefined) return false;
  return known.run === mark.run ? known.index === mark.index : 'before';
}

/** How an order that was found relates to the item that wanted to make it. */
export async function foundAs(client: Client, key: string, mark: ItemMark): Promise<ItemStart> {
  const known = await readMark(client, key);
  if (isSameMark(known, mark)) return { isStarted: true };
  // An order of an earlier run counts for this item, as items may have had other positions then.
  const isRepeat = known?.run === mark.run;
  return { isStarted: true, attached: true, ...(isRepeat && { isRepeat }) };
}

/** The result of an item whose order is refused before it is made; rethrows any other error. */
export function refusedItem(error: unknown): FailedItem {
  if (!isGenerationError(error) || (error.type !== 'InvalidInput' && error.type !== 'KeyInUse')) throw error;
  const { message, issues } = error;
  return { failure: { error: { type: 'InvalidInput', message, submission: 'not_sent', ...(issues && { issues }) } } };
}

/**
 * Failure of an item whose order Temporal does not know, or does not keep any more: it is not ordered again, since it
 * may have been billed.
 */
export function lostItem(key: string): FailedItem {
  const message = `Temporal has no "${key}", or keeps it no longer: whether it was ordered is not known here`;
  return { failure: { error: { type: 'SubmitOutcomeUnknown', message, submission: 'unknown' } } };
}
