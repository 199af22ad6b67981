import { LRUCache } from 'lru-cache';
import { findBundledModel } from '../../runcomfy/models/bundled.ts';

const maxModels = 1_000;

/** Models that RunComfy is known to have: bundled ones, and those for which it accepted an order from this worker. */
export interface KnownModels {
  has: (model: string) => boolean;
  add: (model: string) => void;
}

/** Models known to one worker. */
export function createKnownModels(): KnownModels {
  const accepted = new LRUCache<string, true>({ max: maxModels });
  return {
    has: (model) => accepted.has(model) || findBundledModel(model) !== undefined,
    add: (model) => {
      accepted.set(model, true);
    },
  };
}
