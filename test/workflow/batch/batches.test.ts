import { describe, expect, it } from 'vitest';
import type { BatchLine } from '../../../client/index.ts';
import { asOneCall } from '../../../client/operator/index.ts';
import { batchItemKey } from '../../../domain/names.ts';
import { batchStack, checkBatch, expectSum, itemsNamed, linesOf, tally, untilBatch } from '../../support/batches.ts';
import { eventually } from '../../support/eventually.ts';
import { flux } from '../../support/simulator-client.ts';
import { untilAnswered } from '../../support/until-answered.ts';

const defaults = { model: flux };

const refused = async (call: Promise<unknown>) =>
  (await call.then(
    () => ({ type: 'none', message: '' }),
    (error: unknown) => error,
  )) as { type: string; message: string };

describe.concurrent('a batch', () => {
  it('54, 61, 63: orders every item once, tells each in one line, and takes no item twice that is sent again', async () => {
    const stack = await batchStack();
    const { batches, generations, key: newKey, simulator, client } = stack;
    const key = newKey();
    const items = itemsNamed(key, 95);
    const before = await generations.start(
      { model: flux, input: { prompt: `${key}-7` }, onUnknownSubmission: 'fail' },
      { key: batchItemKey(key, `${key}-7`) },
    );
    await before.result();
    const batch = await batches.start({ items, defaults, window: 30, keepOpen: true }, { key, tenant: 'night' });
    const told: BatchLine[][] = [[], []];
    const readers = [batch, await batches.get(key)].map(async (from, reader) => {
      for await (const line of from.results({ follow: true })) told[reader]?.push(line);
    });
    const reading = Promise.all(readers);
    reading.catch(() => undefined);
    // Both tell lines while more is to come.
    await eventually(() => {
      for (const lines of told) expect(lines.length).toBeGreaterThan(0);
    });
    const more = { from: 95, items: itemsNamed(key, 10, 95) };
    expect([await batch.add(more), await batch.add(more)]).toEqual([{ count: 105 }, { count: 105 }]);
    const same = { from: 105, items: [...itemsNamed(key, 1, 3), { id: `${key}-4`, input: { prompt: 'other' } }] };
    expect(await batch.add(same)).toEqual({ count: 107 });
    expect((await refused(batch.add({ from: 9_000, items }))).type).toBe('InvalidInput');
    expect((await refused(batch.add({ from: 95, items: itemsNamed(key, 10, 900) }))).type).toBe('InvalidInput');
    const result = await asOneCall(async () => {
      expect(await batch.seal()).toEqual({ count: 107 });
      expect((await refused(batch.add({ from: 107, items: itemsNamed(key, 1, 900) }))).message).toContain('sealed');
      await untilBatch(batch, ({ phase }) => phase === 'partial');
      const end = await batch.result();
      // Whoever lost the answer is told it by the same call, whatever has ended since.
      expect(await batch.seal()).toEqual({ count: 107 });
      return end;
    });
    expect(await batch.seal()).toEqual({ count: 107 });
    expect((await refused(batch.add({ from: 107, items: itemsNamed(key, 1, 900) }))).message).toContain('sealed');
    expect(await batch.add(more)).toEqual({ count: 105 });
    expect(result).toMatchObject({ phase: 'partial', resultPages: 2, counts: { succeeded: 106, failed: 1 } });
    expectSum(result);
    const { priority } = await client.workflow.getHandle(batchItemKey(key, `${key}-5`)).describe();
    expect(priority).toMatchObject({ priorityKey: 4, fairnessKey: 'night' });
    expect(simulator.ledger().jobs).toHaveLength(105);
    expect(result.money.spentUsd).toBeCloseTo(
      simulator.ledger().jobs.reduce((sum, job) => sum + job.chargedUsd, 0),
      6,
    );
    const lines = await linesOf(batch);
    await reading;
    expect(told).toEqual([lines, lines]);
    expect(tally(lines)).toEqual({ succeeded: 106, failed: 1 });
    expect(new Set(lines.map(({ id }) => id)).size).toBe(105);
    expect(
      lines
        .filter(({ attached }) => attached)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([`${key}-3`, `${key}-7`]);
    expect(lines.find(({ status }) => status === 'failed')?.error).toMatchObject({ type: 'InvalidInput' });
    const page = (await client.workflow.getHandle(`runcomfy-batch-page:${key}:results-0`).result()) as {
      lines: unknown;
    };
    expect(page.lines).toEqual(lines.slice(0, 100));
    expect((await batches.start({ items, defaults, window: 30, keepOpen: true }, { key })).attached).toBe(true);
    expect((await refused(batches.start({ items: items.slice(1), defaults }, { key }))).type).toBe('KeyInUse');
    await checkBatch(stack, batch, 'items-added');
  });

  it('60: one that was terminated is run again under its key, and orders no item twice', async () => {
    const stack = await batchStack({ profiles: { '*': { queueMs: 0, runMs: 100 } } });
    const { batches, key: newKey, simulator, client } = stack;
    const key = newKey();
    const request = { items: itemsNamed(key, 60), defaults, window: 20 };
    simulator.hold({ stage: 'run' });
    const batch = await batches.start(request, { key });
    const running = () => simulator.ledger().jobs.filter(({ startedAt }) => startedAt !== undefined);
    await eventually(() => {
      expect(running()).toHaveLength(20);
    });
    // Five end and make room for five more, so that what is terminated has ordered beyond its first window.
    const first = running().slice(0, 5);
    simulator.release(first.map(({ id }) => id));
    await eventually(() => {
      expect(running()).toHaveLength(25);
    });
    await client.workflow.getHandle(key).terminate('test');
    simulator.release();
    const again = await batches.start(request, { key });
    expect(again.runId).not.toBe(batch.runId);
    expect(await again.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 60 } });
    expect(simulator.ledger().jobs).toHaveLength(60);
    const lines = await linesOf(again);
    expect(new Set(lines.map(({ id }) => id)).size).toBe(60);
    expect(lines.filter(({ attached }) => attached).length).toBeGreaterThan(22);
    await checkBatch(stack, again);
  });

  it('that was terminated, is run again and cancelled tells what was ordered, and asks what runs to stop', async () => {
    const stack = await batchStack({ profiles: { '*': { queueMs: 0, runMs: 100 } } });
    const { batches, key: newKey, simulator, client } = stack;
    const key = newKey();
    const request = { items: itemsNamed(key, 30), defaults };
    simulator.hold({ stage: 'run' });
    await batches.start({ ...request, window: 8 }, { key });
    const running = () => simulator.ledger().jobs.filter(({ startedAt }) => startedAt !== undefined);
    await eventually(() => {
      expect(running()).toHaveLength(8);
    });
    simulator.release(
      running()
        .slice(0, 3)
        .map(({ id }) => id),
    );
    await eventually(() => {
      expect(running()).toHaveLength(11);
    });
    await client.workflow.getHandle(key).terminate('test');
    const again = await batches.start({ ...request, window: 1 }, { key });
    expect(again.notices).toEqual([
      `batch "${key}" is run again with the options of this call, other than before: window`,
      expect.stringContaining('finds what was ordered'),
    ]);
    const { outcome } = await again.cancel();
    expect(outcome).toMatchObject({ neverStarted: 19, notCancellable: 8 });
    simulator.release();
    expect(await again.result()).toMatchObject({
      phase: 'cancelled',
      counts: { succeeded: 11, notStarted: 19 },
    });
    expect(simulator.ledger().jobs).toHaveLength(11);
    const lines = await linesOf(again);
    expect(tally(lines)).toEqual({ succeeded: 11, not_started: 19 });
    expect(lines.filter(({ attached, costUsd }) => attached && costUsd !== undefined)).toHaveLength(11);
    await checkBatch(stack, again);
  });

  it('takes junk for what it is: an argument ends as InvalidInput, a message is refused or ignored', async () => {
    const stack = await batchStack();
    const { batches, key: newKey, client, workers, simulator } = stack;
    const arguments_: unknown[] = [
      undefined,
      null,
      7,
      'x',
      [],
      { items: [] },
      { items: {} },
      { items: [{}] },
      { items: [{ id: '' }] },
      { items: [{ id: 'a' }, { id: 'a' }] },
      { items: [{ id: 'a\u0000' }] },
      { items: [{ id: 'a', input: 7 }] },
      { window: 0 },
      { window: 501 },
      { maxCostUsd: -1 },
      { defaults: { model: '../x' } },
      { defaults: { onUnknownSubmission: 'maybe' } },
      { surprise: 1 },
    ];
    await Promise.all(
      arguments_.map(async (argument) => {
        const key = newKey();
        const args = argument === undefined ? [] : [argument];
        await client.workflow.start('runcomfyBatch', { args, workflowId: key, taskQueue: workers.taskQueue });
        const batch = await batches.get(key);
        expect(await refused(batch.result())).toMatchObject({ type: 'InvalidInput' });
        expect((await batch.state()).phase).toBe('failed');
        await checkBatch(stack, batch);
      }),
    );
    const key = newKey();
    const batch = await batches.start({ keepOpen: true, defaults }, { key });
    const handle = client.workflow.getHandle(key);
    for (const junk of [undefined, null, 7, 'x', [], { from: -1 }, { from: 0, items: 7 }, { from: 0, page: 'x' }]) {
      expect((await refused(handle.executeUpdate('add', { args: [junk] }))) instanceof Error).toBe(true);
      expect((await refused(handle.executeUpdate('set', { args: [junk] }))).type).not.toBe('none');
      await handle.signal('pause', junk);
      await handle.signal('resume', junk);
      await untilAnswered(() => handle.query('results', junk));
    }
    await handle.signal('cancel', 7);
    expect(await batch.result()).toMatchObject({ phase: 'cancelled', counts: { total: 0 } });
    expect(simulator.ledger().jobs).toEqual([]);
    await checkBatch(stack, batch, 'junk-messages');
  });
});
