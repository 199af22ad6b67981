import type { GenerationResult } from '../generation.ts';
import type { BatchLineError } from './batch.ts';

/** How the order of an item failed. */
export interface ItemFailure {
  error: BatchLineError;
  requestId?: string;
  costUsd?: number;
  priceUsd?: number;
  /** The order met the limit of a budget, which others meet as well. */
  budget?: string;
}

/** How the order of an item has ended. */
export type ItemEnd = { result: GenerationResult } | { failure: ItemFailure };
