import type { BatchPages } from '../../domain/batch/batch-page.ts';
import type { ItemEnd } from '../../domain/batch/item-end.ts';
import type { ItemMark, ItemStart, Made, OrderPlace } from '../../domain/batch/item-order.ts';
import type { CancelOutcome, GenerationRequest } from '../../domain/generation.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';

/** The orders of items, by their keys: generations, or pipelines. */
export interface ItemOrders<Order extends object> {
  /** Makes the order, or finds the one that was made. */
  start: (order: Order, place: OrderPlace) => Promise<ItemStart>;
  /** Waits for the end; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<ItemEnd>;
  /** When the last run of an order ended, by the server's clock; undefined while it runs. */
  closedAt: (key: string) => Promise<Date | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
  /**
   * Whether a lost window, or an earlier run of the batch, has made what stands under the key, and it may have cost
   * something. `order`: what an earlier run has made counts only where it is the same.
   */
  wasStarted: (key: string, mark: ItemMark, order?: Order) => Promise<Made>;
}

/** What the activities of batches need from the process they run in. */
export interface BatchDeps {
  orders: ItemOrders<Partial<GenerationRequest>>;
  pipelines: ItemOrders<PipelineRequest>;
  pages: Pick<BatchPages, 'readItems' | 'write'>;
  lookup: ModelLookupOptions;
  /** The search attributes of ours that the server knows. */
  searchAttributes: () => string[];
  /** Aborted once the worker stops: windows then go back with what they have. */
  stopping: AbortSignal;
  /** RunComfy's words where it refuses the token now, in answer to a call that began after `since` (`performance.now()`). */
  refusalAfter: (since: number) => string | undefined;
}
