import { randomBytes, randomUUID } from 'node:crypto';
import { Client } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { type BatchHandle, type BatchState, createGenerationClient } from '../../../client/index.ts';
import { createEncryptionCodec } from '../../../codec/index.ts';
import { batchItemKey, batchPageKey } from '../../../domain/names.ts';
import { createRunComfyClient } from '../../../runcomfy/client.ts';
import { batchStack, checkBatch, expectSum, itemsNamed, linesOf, tally, untilBatch } from '../../support/batches.ts';
import { connectTo } from '../../support/connect.ts';
import { eventually } from '../../support/eventually.ts';
import { startQuickSimulator } from '../../support/generation-stack.ts';
import { historiesOf, historyJson } from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { flux } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

const defaults = { model: flux };

describe.concurrent('a long batch', () => {
  it('is continued before its history is large, and loses nothing of counts, money, items and lines', async () => {
    const stack = await batchStack();
    const { batches, key: newKey, simulator, client } = stack;
    const key = newKey();
    const items = itemsNamed(key, 130);
    const batch = await batches.start({ items, defaults, window: 20, keepOpen: true, maxCostUsd: 5 }, { key });
    const handle = client.workflow.getHandle(key);
    for (const ended of [20, 70]) {
      await untilBatch(batch, ({ counts }) => counts.succeeded >= ended);
      const { runId } = await handle.describe();
      // What a message carries stays in the history, so these make it as long as days would.
      for (let at = 0; at < 4; at += 1) await handle.signal('pause', { reason: 'x'.repeat(600_000) });
      const paused = await untilBatch(batch, ({ phase, counts }) => phase === 'paused' && counts.inFlight === 0);
      expect(paused.counts.total).toBe(130);
      await batch.resume();
      await eventually(async () => {
        expect((await handle.describe()).runId).not.toBe(runId);
      });
      if (ended === 20) await batch.set({ window: 40 });
    }
    expect(await batch.add({ from: 130, items: itemsNamed(key, 5, 130) })).toEqual({ count: 135 });
    await batch.seal();
    const result = await batch.result();
    expect(result).toMatchObject({ phase: 'succeeded', counts: { total: 135, succeeded: 135 }, resultPages: 2 });
    expectSum(result);
    expect(result.money).toMatchObject({ spentUsd: 1.35, maxCostUsd: 5 });
    expect(simulator.ledger().jobs).toHaveLength(135);
    const lines = await linesOf(batch);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(135);
    expect(lines).toHaveLength(135);
    expect((await historiesOf(client, key)).length).toBeGreaterThanOrEqual(3);
    expect((await untilBatch(batch, ({ isFromServer }) => isFromServer === undefined)).window).toBe(40);
    await checkBatch(stack, batch);
  });

  it('57: a token that is revoked pauses it; with a new one every item is ordered once', async () => {
    const { stack, batch, revoke, renew } = await batchWithToken({ items: 14, window: 2 });
    revoke();
    // There is room for one more, and its submit is refused.
    await batch.set({ window: 3 });
    await untilRefused(batch);
    renew();
    await batch.resume();
    expect(await batch.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 14, failed: 0 } });
    expect(stack.simulator.ledger().jobs).toHaveLength(14);
    expect(tally(await linesOf(batch))).toEqual({ succeeded: 14 });
    await checkBatch(stack, batch);
  });

  it('57: a token that is revoked pauses it also while every place is taken, so that reads alone are refused', async () => {
    const { stack, batch, revoke, renew } = await batchWithToken({ items: 5, window: 2 });
    revoke();
    const { counts } = await untilRefused(batch);
    expect([counts.inFlight, counts.waiting]).toEqual([2, 3]);
    renew();
    await batch.resume();
    expect(await batch.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 5, failed: 0 } });
    expect(stack.simulator.ledger().jobs).toHaveLength(5);
    await checkBatch(stack, batch);
  });

  it('57: what was refused before the batch was asked to go on is ordered again, and pauses nothing', async () => {
    const { batches, generations, key: newKey, simulator } = await batchStack();
    const key = newKey();
    const items = itemsNamed(key, 2);
    simulator.setBalance('sim-in-process', 0);
    const first = await generations.start(
      { model: flux, input: { prompt: items[0]?.id ?? '' }, onUnknownSubmission: 'fail' },
      { key: batchItemKey(key, items[0]?.id ?? '') },
    );
    await expect(first.result()).rejects.toMatchObject({ type: 'InsufficientBalance' });
    simulator.setBalance('sim-in-process', 10_000);
    const batch = await batches.start({ items, defaults }, { key });
    expect(await batch.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 2 } });
    expect(simulator.ledger().jobs).toHaveLength(2);
  });

  it('64: under a codec its items, pages and lines are encrypted like everything else', async () => {
    const secret = 'an unreleased red bicycle';
    const dataConverter = {
      payloadCodecs: [createEncryptionCodec({ keys: { k1: randomBytes(32) }, activeKeyId: 'k1' })],
    };
    const connection = await connectTo();
    onTestFinished(() => connection.close());
    const client = new Client({ connection, dataConverter });
    const simulator = await startQuickSimulator({ profiles: { '*': { queueMs: 100, runMs: 100 } } });
    const workers = await inProcessWorkers(client, simulator.modelApiBase, { dataConverter });
    await workers.start();
    const { batches } = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const key = `batch-${randomUUID()}`;
    const batch = await batches.start({ keepOpen: true, defaults }, { key });
    const items = Array.from({ length: 3 }, (_, at) => ({ id: `${secret} ${String(at)}`, input: { prompt: secret } }));
    await batch.addAll(items);
    await batch.seal();
    await batch.result();
    const lines = await linesOf(batch);
    expect(lines.map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id));
    const kept = [];
    for await (const item of batch.items()) kept.push(item);
    expect(kept).toEqual(items);
    for (const id of [key, batchPageKey(key, 'items', 0), batchPageKey(key, 'results', 0)]) {
      const json = (await historiesOf(client, id)).map(historyJson).join('\n');
      const bytes = Array.from(json.matchAll(/"([A-Za-z0-9+/]{8,}={0,2})"/g), ([, base64 = '']) =>
        Buffer.from(base64, 'base64').toString('latin1'),
      );
      const readable = [json, ...bytes].join('\n');
      expect(readable).toContain('binary/encrypted');
      expect(readable).not.toContain(secret);
      expect(readable).not.toContain(lines[0]?.output?.images[0] ?? 'no output');
    }
  });
});

/** A batch whose first items are held at RunComfy, and the token of its worker. */
async function batchWithToken({ items, window }: { items: number; window: number }) {
  const stack = await batchStack();
  const { batches, key: newKey, simulator, workers } = stack;
  const key = newKey();
  let token = 'sim-in-process';
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => token });
  onTestFinished(() => runcomfy.close());
  await workers.stop();
  await workers.start({ runcomfy });
  simulator.hold();
  const batch = await batches.start({ items: itemsNamed(key, items), defaults, window }, { key });
  await eventually(() => {
    expect(simulator.ledger().jobs).toHaveLength(window);
  });
  return {
    stack,
    batch,
    revoke: () => {
      token = 'revoked';
    },
    renew: () => {
      token = 'sim-in-process';
      simulator.release();
    },
  };
}

/** Waits until the refused token has paused the batch, which has lost nothing. */
async function untilRefused(batch: BatchHandle): Promise<BatchState> {
  const state = await untilBatch(batch, ({ paused }) => paused?.reason === 'unauthenticated');
  expect(state.counts.failed).toBe(0);
  expect(state.counts.waiting).toBeGreaterThan(0);
  return state;
}
