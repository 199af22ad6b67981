import { describe, expect, it } from 'vitest';
import type { BatchItem } from '../../../client/index.ts';
import { batchItemKey, batchMessageNames } from '../../../domain/names.ts';
import { batchStack, checkBatch, expectSum, linesOf, tally, untilBatch } from '../../support/batches.ts';
import { eventually } from '../../support/eventually.ts';
import { taskTimeoutSecondsOf } from '../../support/generations.ts';
import { stillAndClip } from '../../support/pipelines.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const token = 'sim-in-process';

/** A still of a product, and a clip from it. */
const plan = {
  version: 1,
  params: { product: { type: 'string' } },
  steps: {
    still: { model: flux, input: { prompt: '${{ params.product }}' } },
    clip: {
      model: kling,
      input: { prompt: '${{ params.product }} turns', start_image_url: '${{ steps.still.image }}', duration: 5 },
    },
  },
  outputs: { clip: '${{ steps.clip.video }}' },
};

const products = (key: string, count: number): BatchItem[] =>
  Array.from({ length: count }, (_, at) => ({ id: `p${String(at)}`, params: { product: `${key} ${String(at)}` } }));

describe.concurrent('a batch of pipelines', () => {
  it('makes every item by the plan, and tells its outputs, its price and its cost in one line', async () => {
    const stack = await batchStack();
    const { batches, pipelines, key: newKey, simulator, client } = stack;
    const key = newKey();
    const items: BatchItem[] = [...products(key, 6), { id: 'mute', params: { product: 7 } }];
    await expect(batches.start({ plan, items }, { key })).rejects.toMatchObject({
      type: 'InvalidInput',
      issues: [{ path: '$[6].params.product' }],
    });
    for (const request of [
      { plan, items: [{ id: 'a', input: {} }] },
      { items: [{ id: 'a', params: {} }], defaults: { model: flux } },
      { plan, defaults: { model: flux }, items: products(key, 1) },
      { plan: { version: 1 }, keepOpen: true },
    ]) {
      await expect(batches.start(request, { key })).rejects.toMatchObject({ type: 'InvalidInput' });
    }
    const before = await pipelines.start(
      { plan, params: products(key, 1)[0]?.params ?? {} },
      { key: batchItemKey(key, 'p0') },
    );
    await before.result();
    const batch = await batches.start({ plan, keepOpen: true, window: 3, maxCostUsd: 50 }, { key });
    await expect(batch.add({ from: 0, items })).rejects.toMatchObject({
      type: 'InvalidInput',
      issues: [{ path: '$[6].params.product' }],
    });
    // Whoever adds without this client is told by the item's line.
    await client.workflow.getHandle(key).executeUpdate(batchMessageNames.add, { args: [{ from: 0, items }] });
    await batch.seal();
    const state = await untilBatch(batch, ({ phase }) => phase === 'partial');
    const lines = await linesOf(batch);
    expect(tally(lines)).toEqual({ succeeded: 6, failed: 1 });
    for (const line of lines.filter(({ status }) => status === 'succeeded')) {
      expect(line.outputs?.['clip']).toMatch(/\.mp4$/);
      expect(line.costUsd).toBe(line.priceUsd);
    }
    expect(lines.find(({ id }) => id === 'mute')?.error).toMatchObject({
      type: 'InvalidInput',
      submission: 'not_sent',
      issues: [{ path: '$.params.product' }],
    });
    expect(lines.filter(({ attached }) => attached).map(({ id }) => id)).toEqual(['p0']);
    // By a client, and by the batch.
    expect(await taskTimeoutSecondsOf(client, batchItemKey(key, 'p0'))).toBe(30);
    expect(await taskTimeoutSecondsOf(client, batchItemKey(key, 'p1'))).toBe(30);
    const { jobs } = simulator.ledger();
    expect(jobs).toHaveLength(12);
    expect(state.money.spentUsd).toBeCloseTo(
      jobs.reduce((sum, { chargedUsd }) => sum + chargedUsd, 0),
      6,
    );
    await checkBatch(stack, batch, 'of-pipelines');
  });

  /** A batch of three whose wallet pays for the still of the first alone. */
  const atAWall = async () => {
    const stack = await batchStack();
    const { batches, key: newKey, simulator } = stack;
    const key = newKey();
    simulator.hold({ stage: 'run' });
    const batch = await batches.start({ plan, items: products(key, 3), window: 1 }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs.filter(({ startedAt }) => startedAt !== undefined)).toHaveLength(1);
    });
    // Charged at the end of the work: the still is the last that the wallet pays for.
    simulator.setBalance(token, 0.001);
    simulator.release();
    const paused = await untilBatch(
      batch,
      ({ paused: pause, counts }) => pause?.reason === 'balance' && counts.inFlight === 0,
    );
    expect(paused.counts).toMatchObject({ succeeded: 0, waiting: 3 });
    const charged = () => simulator.ledger().jobs.reduce((sum, { chargedUsd }) => sum + chargedUsd, 0);
    expect(paused.money.spentUsd).toBeCloseTo(charged(), 6);
    expect(paused.money.spentUsd).toBeGreaterThan(0);
    return { stack, batch, charged };
  };

  it('gives back what meets an empty wallet, and orders after a resume only what is missing', async () => {
    const { stack, batch, charged } = await atAWall();
    const { simulator } = stack;
    simulator.setBalance(token, 100);
    await batch.resume();
    const result = await batch.result();
    expect(result).toMatchObject({ phase: 'succeeded', counts: { succeeded: 3 } });
    expect(simulator.ledger().jobs).toHaveLength(6);
    expect(result.money.spentUsd).toBeCloseTo(charged(), 6);
    const lines = await linesOf(batch);
    expect(lines.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0)).toBeCloseTo(charged(), 6);
    await checkBatch(stack, batch, 'of-pipelines-at-a-wall');
  });

  it('tells what was given back, and had been billed, with its cost where it is cancelled instead', async () => {
    const { stack, batch, charged } = await atAWall();
    const { outcome } = await batch.cancel({ reason: 'enough' });
    expect(outcome).toMatchObject({ tooLate: 1, neverStarted: 2 });
    const result = await batch.result();
    expect(result).toMatchObject({ phase: 'cancelled', counts: { failed: 1, notStarted: 2 } });
    expect(result.money.spentUsd).toBeCloseTo(charged(), 6);
    const billed = (await linesOf(batch)).filter(({ status }) => status !== 'not_started');
    expect(billed).toEqual([
      expect.objectContaining({
        id: 'p0',
        costUsd: charged(),
        error: expect.objectContaining({ type: 'InsufficientBalance', submission: 'accepted' }),
      }),
    ]);
    await checkBatch(stack, batch);
  });

  it.each(['resume', 'cancel'] as const)(
    'still tells what it has paid for an item whose pipeline Temporal keeps no longer, after a %s',
    async (word) => {
      const { stack, batch, charged } = await atAWall();
      const { client, simulator } = stack;
      const workflowExecution = { workflowId: batchItemKey(batch.key, 'p0') };
      await client.workflowService.deleteWorkflowExecution({ namespace: client.options.namespace, workflowExecution });
      await eventually(async () => {
        await expect(client.workflow.getHandle(workflowExecution.workflowId).describe()).rejects.toThrow('not found');
      });
      simulator.setBalance(token, 100);
      await batch[word]();
      const result = await batch.result();
      const counts = word === 'resume' ? { succeeded: 3 } : { unknown: 1, notStarted: 2 };
      expect(result).toMatchObject({ counts });
      expect(result.money.spentUsd).toBeCloseTo(charged(), 6);
      const lines = await linesOf(batch);
      expect(lines.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0)).toBeCloseTo(charged(), 6);
    },
  );

  it('cancels the pipelines that run, and tells a step that may fail as part of a success', async () => {
    const stack = await batchStack({ faults: [{ fault: 'job-fails', step: 'submit', model: kling }] });
    const { batches, key: newKey, simulator } = stack;
    const key = newKey();
    const may = { ...stillAndClip(key, { onFailure: 'continue' }), params: {} };
    const partial = await batches.start({ plan: may, items: [{ id: 'one' }] }, { key });
    expect(await partial.result()).toMatchObject({ phase: 'succeeded', failures: [] });
    const [line] = await linesOf(partial);
    expect(line).toMatchObject({ status: 'succeeded', error: { type: 'PipelineFailed' } });
    expect(line?.error?.message).toContain('step clip failed');

    simulator.setFaults([]);
    simulator.hold({ stage: 'run' });
    const other = newKey();
    const batch = await batches.start({ plan, items: products(other, 5), window: 2 }, { key: other });
    await eventually(() => {
      const held = simulator.ledger().jobs.filter(({ input }) => String(input['prompt']).startsWith(other));
      expect(held.filter(({ startedAt }) => startedAt !== undefined)).toHaveLength(2);
    });
    const { outcome } = await batch.cancel({ reason: 'enough' });
    expect(outcome).toMatchObject({ notCancellable: 2, neverStarted: 3 });
    simulator.release();
    const result = await batch.result();
    expect(result).toMatchObject({ phase: 'cancelled', counts: { cancelled: 2, notStarted: 3 } });
    expectSum(result);
    await checkBatch(stack, batch);
  });
});
