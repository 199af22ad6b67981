import type { BatchItem, BatchItemDefaults } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';

/** An item with the defaults of its batch merged in, limits included, so that it means the same in another batch. */
export function wholeItem(item: BatchItem, defaults: BatchItemDefaults = {}, plan?: object): BatchItem {
  const { model, input } = defaults;
  const limits = withoutUndefined({
    deadlineMs: item.deadlineMs ?? defaults.deadlineMs,
    maxPriceUsd: item.maxPriceUsd ?? defaults.maxPriceUsd,
  });
  if (plan) return { ...item, ...limits };
  const ordered = withoutUndefined({ model: item.model ?? model });
  return { ...item, ...ordered, ...limits, input: { ...input, ...item.input } };
}
