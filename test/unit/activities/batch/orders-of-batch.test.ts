import { describe, expect, it } from 'vitest';
import type { BatchDeps } from '../../../../activities/batch/batch-deps.ts';
import { ordersOfBatch } from '../../../../activities/batch/orders-of-batch.ts';
import type { WindowQuestion } from '../../../../domain/batch/batch-activities.ts';
import { orderOfItem, pipelineOfItem } from '../../../../domain/batch/batch-item.ts';
import { parseBatchRequest } from '../../../../domain/batch/batch-request.ts';
import { RunComfyError } from '../../../../runcomfy/errors.ts';

const order = { model: 'some/text-to-image', input: { prompt: 'a cat' } };
const plan = { version: 1, steps: { only: order } };

/** What is said of one item where the catalogue fails. */
async function check(error: Error, limits: Partial<WindowQuestion>) {
  const lookup = { getModel: () => Promise.reject(error) };
  const deps = { lookup, orders: {}, pipelines: {} } as unknown as BatchDeps;
  const item = { id: 'a', ...(limits.plan === undefined && order) };
  return await ordersOfBatch(deps, { defaults: {}, ...limits } as WindowQuestion).check({ id: 'a', key: 'k', item });
}

describe('an item of a batch while the catalogue gives no answer', () => {
  it('waits where a limit depends on its price, that of a budget too', async () => {
    const away = new Error('too slow');
    for (const limits of [{ maxCost: 1_000_000 }, { budgets: ['team'] }]) {
      expect(await check(away, limits)).toBe('unavailable');
      expect(await check(away, { ...limits, plan })).toBe('unavailable');
      expect(await check(away, { ...limits, defaults: { maxPriceUsd: 0.5 } })).toEqual({ price: 500_000 });
    }
    expect(await check(away, {})).toEqual({});
  });

  it('does not wait for an entry that can never be read', async () => {
    expect(await check(new RunComfyError('ProtocolMismatch', 'no entry'), { maxCost: 1 })).toEqual({});
  });
});

describe('defaults of a client that sends null for what is absent', () => {
  const nulls = { onUnknownSubmission: null, maxPriceUsd: null, waiting: null } as object;

  it('are read without them', () => {
    const request = { items: [{ id: 'a' }], window: null, defaults: { model: 'a/b', ...nulls }, plan: null };
    expect(parseBatchRequest(request)).toEqual({
      ok: true,
      request: { items: [{ id: 'a' }], defaults: { model: 'a/b' } },
    });
  });

  it('give no item a price, and hold none', async () => {
    const away = new Error('too slow');
    const unreadable = new RunComfyError('ProtocolMismatch', 'no entry');
    const limits = { maxCost: 1_000_000, defaults: nulls };
    for (const kind of [{}, { plan }]) {
      expect(await check(away, { ...limits, ...kind })).toBe('unavailable');
      expect(await check(unreadable, { ...limits, ...kind })).toEqual({});
    }
    const item = { id: 'a', params: null as never, maxPriceUsd: null as never };
    expect(orderOfItem(item, nulls)).toEqual({ input: {}, onUnknownSubmission: 'fail' });
    expect(pipelineOfItem(item, plan, nulls)).toEqual({ plan, onUnknownSubmission: 'fail' });
  });
});
