import { expect, it } from 'vitest';
import { compareBatches } from '../../../client/batch/starting/compare-batches.ts';
import type { OriginalRequest } from '../../../client/generation/original-request.ts';
import { parseBatchRequest } from '../../../domain/batch/batch-request.ts';
import type { BatchRequest } from '../../../domain/batch/batch.ts';

const item = { id: 'a', model: 'a/b', input: { prompt: 'a cat' } };
const nulls = { deadlineMs: null, maxPriceUsd: null } as object;
const request: BatchRequest = { items: [item] };

function compare(existing: object, wanted: BatchRequest, isRunAgain?: boolean): string[] {
  const first: OriginalRequest = {
    workflowType: 'runcomfyBatch',
    runId: 'run-1',
    startedAt: new Date(0),
    beginsAt: new Date(0),
    request: existing,
  };
  const parsed = parseBatchRequest(wanted);
  return compareBatches('k', first, parsed.ok ? parsed.request : wanted, isRunAgain);
}

it.each<[string, object, object]>([
  ['items', { items: [{ ...item, ...nulls }] }, {}],
  ['items that cannot be understood', { items: [{ ...item, id: '', ...nulls }] }, { items: [{ ...item, id: '' }] }],
  ['defaults that say nothing', { defaults: { waiting: { preset: null }, ...nulls } }, {}],
  ['defaults', { defaults: { model: 'a/c', ...nulls } }, { defaults: { model: 'a/c' } }],
  ['options', { window: null, budgets: null }, {}],
])('attaches in silence whichever of two batches has null in its %s for what is absent', (_what, one, other) => {
  expect(compare({ ...request, ...one }, { ...request, ...other })).toEqual([]);
  expect(compare({ ...request, ...other }, { ...request, ...one })).toEqual([]);
});

it.each<[string, object]>([
  ['other items', { items: [{ ...item, maxPriceUsd: 1 }] }],
  // What a model makes of a null is its own.
  ['other items', { items: [{ ...item, input: { ...item.input, seed: null } }] }],
  ['other defaults', { defaults: { maxPriceUsd: 1 } }],
  ['another plan', { plan: { version: 1, steps: {} } }],
])('refuses a key that is in use by a batch with %s', (what, others) => {
  expect(() => compare(request, { ...request, ...others })).toThrow(
    expect.objectContaining({ type: 'KeyInUse', message: expect.stringContaining(what) as string }),
  );
});

it('names the options that have no effect any more', () => {
  expect(compare({ ...request, window: 5 }, request)).toEqual([expect.stringContaining('window of this call')]);
});

it('names the options that a batch which is run again has had otherwise', () => {
  const notice = 'batch "k" is run again with the options of this call, other than before: window, maxCostUsd';
  expect(compare({ ...request, window: 5 }, { ...request, maxCostUsd: 2 }, true)).toEqual([notice]);
  expect(compare(request, request, true)).toEqual([]);
});
