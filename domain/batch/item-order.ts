import type { Labels } from '../labels.ts';
import type { Precedence } from './batch-activities.ts';
import type { ItemEnd, PaidBefore } from './item-end.ts';

/** For which place of which batch an order was made; kept in the memo of its workflow. */
export interface ItemMark {
  /** First run of the batch's chain. */
  run: string;
  index: number;
}

/** An item that has failed. */
export type FailedItem = Extract<ItemEnd, { failure: unknown }>;

/** Where an order of an item is made. */
export interface OrderPlace {
  key: string;
  mark: ItemMark;
  /** One that provably cost nothing is made anew. */
  again: boolean;
  /** Where Temporal keeps no earlier run of it, none can say so itself. */
  before?: PaidBefore;
  priority: Precedence;
  labels?: Labels | undefined;
}

/** Whether a batch has made an order, and it may have cost something; `before`: an earlier run of the batch has. */
export type Made = boolean | 'before';

/** How the start of an item's order went. */
export type ItemStart =
  /** `attached`: somebody else had made it before; `isRepeat`: it was made for another item of this batch. */
  { isStarted: true; attached?: true; isRepeat?: true } | FailedItem;
