import type { Labels } from '../labels.ts';
import type { Precedence } from './batch-activities.ts';
import type { ItemEnd, PaidBefore } from './item-end.ts';

/** Says for which place of which batch an order was made; kept in the memo of its workflow. */
export interface ItemMark {
  /** First run of the batch's chain. */
  run: string;
  index: number;
}

/** An item that has failed. */
export type FailedItem = Extract<ItemEnd, { failure: unknown }>;

/** Where and how the order of an item is made. */
export interface OrderPlace {
  key: string;
  mark: ItemMark;
  /** Order again if the existing order provably cost nothing. */
  again: boolean;
  /** What earlier runs cost, for when Temporal no longer keeps any of them. */
  before?: PaidBefore;
  priority: Precedence;
  labels?: Labels | undefined;
}

/** Whether a batch made an order that may have cost something; `before`: an earlier run of the batch made it. */
export type Made = boolean | 'before';

/** The result of starting an item's order. */
export type ItemStart =
  /**
   * `attached`: the order already existed and was made by somebody else; `isRepeat`: it was made for another item of
   * this batch.
   */
  { isStarted: true; attached?: true; isRepeat?: true } | FailedItem;
