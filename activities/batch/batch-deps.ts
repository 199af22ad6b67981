import type { BatchPages } from '../../domain/batch/batch-page.ts';
import type { ItemEnd } from '../../domain/batch/item-end.ts';
import type { ItemMark, ItemStart, Made, OrderPlace } from '../../domain/batch/item-order.ts';
import type { CancelOutcome, GenerationRequest } from '../../domain/generation.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';

/** The orders of items, either generations or pipelines, addressed by their keys. */
export interface ItemOrders<Order extends object> {
  /** Makes the order, or finds the existing one. */
  start: (order: Order, place: OrderPlace) => Promise<ItemStart>;
  /** Waits for the end of an order; rejects with the signal's reason. */
  follow: (key: string, signal: AbortSignal) => Promise<ItemEnd>;
  /** When the last run of an order ended, by the server's clock; undefined while it runs. */
  closedAt: (key: string) => Promise<Date | undefined>;
  cancel: (key: string, reason: string | undefined, timeoutMs: number) => Promise<CancelOutcome>;
  /**
   * Whether a lost window, or an earlier run of the batch, made the order under this key, and it may have cost
   * something. If `order` is given, an earlier run's order counts only if it is the same.
   */
  wasStarted: (key: string, mark: ItemMark, order?: Order) => Promise<Made>;
}

/** What the activities of batches need from the process they run in. */
export interface BatchDeps {
  orders: ItemOrders<Partial<GenerationRequest>>;
  pipelines: ItemOrders<PipelineRequest>;
  pages: Pick<BatchPages, 'readItems' | 'write'>;
  lookup: ModelLookupOptions;
  /** Our search attributes that the server knows. */
  searchAttributes: () => string[];
  /** Aborted once the worker stops: windows then return what they have. */
  stopping: AbortSignal;
  /**
   * RunComfy's message if it refuses the token now, in reply to a call that began after `since` (`performance.now()`).
   */
  refusalAfter: (since: number) => string | undefined;
}
