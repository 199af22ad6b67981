import { batchRequestFields, parseBatchRequest } from '../../../domain/batch/batch-request.ts';
import type { BatchRequest } from '../../../domain/batch/batch.ts';
import { isJsonObject, isSameJson } from '../../../domain/json.ts';
import { withoutMissing, withoutMissingIn } from '../../../domain/request-checks.ts';
import { GenerationError } from '../../errors.ts';
import type { OriginalRequest } from '../../generation/original-request.ts';

/**
 * Refuses a key that belongs to a batch with other items, plan or defaults. Other differing options are only reported:
 * they have no effect when attaching, and apply to a new run.
 */
export function compareBatches(
  key: string,
  original: OriginalRequest | undefined,
  request: BatchRequest,
  isRunAgain = false,
): string[] {
  if (original === undefined) {
    return [`the first run of "${key}" is kept no longer: its items and defaults could not be compared`];
  }
  // The workflow may have been started by any client, with null for missing fields.
  const parsed = parseBatchRequest(original.request);
  const existing = withoutNulls(parsed.ok ? parsed.request : original.request);
  const wanted = withoutNulls(request);
  const isSame = (part: keyof BatchRequest) => isSameJson(existing[part] ?? null, wanted[part] ?? null);
  for (const part of ['items', 'plan', 'defaults'] as const) {
    if (isSame(part)) continue;
    const message = `key "${key}" is in use by a batch with ${part === 'plan' ? 'another plan' : `other ${part}`}: choose another key, or send the same to attach`;
    throw new GenerationError({ type: 'KeyInUse', message, key });
  }
  const different = batchRequestFields.filter((name) => !isSame(name));
  if (different.length === 0) return [];
  const names = different.join(', ');
  if (isRunAgain) return [`batch "${key}" is run again with the options of this call, other than before: ${names}`];
  return [`attached to batch "${key}" as it was started first: ${names} of this call had no effect`];
}

type Parts = Partial<Record<keyof BatchRequest, unknown>>;

function withoutNulls(request: Parts): Parts {
  const said: Parts = withoutMissingIn(request, ['defaults']);
  const { items } = said;
  if (!Array.isArray(items)) return said;
  return { ...said, items: items.map((item: unknown) => (isJsonObject(item) ? withoutMissing(item) : item)) };
}
