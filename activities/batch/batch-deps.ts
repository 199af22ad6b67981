import type { Priority } from '@temporalio/common';
import type { BatchPage } from '../../domain/batch/batch-page.ts';
import type { BatchItem } from '../../domain/batch/batch.ts';
import type { ItemEnd } from '../../domain/batch/item-end.ts';
import type { CancelOutcome, GenerationRequest } from '../../domain/generation.ts';
import type { Labels } from '../../domain/labels.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';

/** For which place of which batch an order is made. */
export interface ItemMark {
  /** First run of the batch's chain. */
  run: string;
  index: number;
}

/** How the start of an item's order went. */
export type ItemStart =
  /** `attached`: somebody else had made it before; `isRepeat`: it was made for another item of this batch. */
  { isStarted: true; attached?: true; isRepeat?: true } | Extract<ItemEnd, { failure: unknown }>;

/** The orders of items, by their keys: generations, or pipelines. */
export interface ItemOrders<Order extends object> {
  /** Makes the order, or finds the one that was made; `again`: one that provably cost nothing is made anew. */
  start: (
    order: Order,
    place: { key: string; mark: ItemMark; again: boolean; priority: Priority; labels?: Labels | undefined },
  ) => Promise<ItemStart>;
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<ItemEnd>;
  /** When the last run of an order ended, by the server's clock; undefined while it runs. */
  closedAt: (key: string) => Promise<Date | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
  /** Whether a lost window has made this order, and it may have cost something. */
  wasStarted: (key: string, mark: ItemMark) => Promise<boolean>;
}

/** What batches keep in Temporal, by batch and page number. */
export interface BatchPages {
  /** Undefined where no such page is. */
  readItems: (key: string, page: number) => Promise<BatchItem[] | undefined>;
  /** Writes a page once; false where another one has its number. */
  write: (key: string, page: number, content: BatchPage) => Promise<boolean>;
}

/** What the activities of batches need from the process they run in. */
export interface BatchDeps {
  orders: ItemOrders<Partial<GenerationRequest>>;
  pipelines: ItemOrders<PipelineRequest>;
  pages: BatchPages;
  lookup: ModelLookupOptions;
  /** The search attributes of ours that the server knows. */
  searchAttributes: () => string[];
  /** Aborted once the worker stops: windows then go back with what they have. */
  stopping: AbortSignal;
  /** RunComfy's words where it refuses the token now, in answer to a call that began after `since` (`performance.now()`). */
  refusalAfter: (since: number) => string | undefined;
}
