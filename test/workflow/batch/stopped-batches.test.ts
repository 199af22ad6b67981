import { describe, expect, it } from 'vitest';
import { budgetId } from '../../../domain/budget/names.ts';
import {
  batchStack,
  checkBatch,
  itemsNamed,
  linesOf,
  tally,
  untilBatch,
  untilWindowOf,
} from '../../support/batches.ts';
import { eventually } from '../../support/eventually.ts';
import { flux } from '../../support/simulator-client.ts';
import { onTestFinished } from '../../support/test-end.ts';

const defaults = { model: flux };
const token = 'sim-in-process';

describe.concurrent('a batch that is stopped', () => {
  it('58, 59: drains to a smaller window; a cancel tells of what runs and of what never started', async () => {
    const stack = await batchStack({ profiles: { '*': { queueMs: 0, runMs: 100 } } });
    const { batches, key: newKey, simulator } = stack;
    simulator.hold({ stage: 'run' });
    const key = newKey();
    const batch = await batches.start({ items: itemsNamed(key, 130), defaults, window: 20 }, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs.filter(({ startedAt }) => startedAt !== undefined)).toHaveLength(20);
    });
    expect(await batch.set({ window: 5 })).toEqual({ window: 5, maxCostUsd: null });
    await untilBatch(batch, ({ counts, window }) => window === 5 && counts.inFlight === 20 && counts.waiting === 110);
    await untilWindowOf(stack.client, batch, 5);
    const held = () => simulator.ledger().jobs.filter(({ finishedAt }) => finishedAt === undefined);
    const end = (count: number) => {
      const ids = held()
        .slice(0, count)
        .map(({ id }) => id);
      return simulator.release(ids);
    };
    end(15);
    await untilBatch(batch, ({ counts }) => counts.inFlight === 5 && counts.succeeded === 15);
    expect(simulator.ledger().jobs).toHaveLength(20);
    end(1);
    await eventually(() => {
      expect(held()).toHaveLength(5);
      expect(simulator.ledger().jobs).toHaveLength(21);
    });
    const { outcome, phase } = await batch.cancel({ reason: 'enough' });
    expect([phase, outcome.neverStarted, outcome.notCancellable]).toEqual(['cancelling', 109, 5]);
    expect([await batch.pause(), await batch.resume()]).toEqual([{ phase }, { phase }]);
    simulator.release();
    const result = await batch.result();
    expect(result).toMatchObject({
      phase: 'cancelled',
      counts: { succeeded: 21, notStarted: 109, waiting: 0, inFlight: 0 },
    });
    expect(tally(await linesOf(batch))).toEqual({ succeeded: 21, not_started: 109 });
    expect(simulator.ledger().jobs).toHaveLength(21);
    await checkBatch(stack, batch, 'set-and-cancelled');
  });

  it('56: an empty wallet pauses it and gives items back; after a resume each is ordered once', async () => {
    const stack = await batchStack({ switches: { wallet_usd: 0.055 } });
    const { batches, key: newKey, simulator } = stack;
    const key = newKey();
    const batch = await batches.start({ items: itemsNamed(key, 16), defaults, window: 3 }, { key });
    const paused = await untilBatch(
      batch,
      ({ paused: pause, counts }) => pause?.reason === 'balance' && counts.inFlight === 0,
    );
    // RunComfy charges at the end of the work, so a few more than the wallet pays for were accepted.
    const { succeeded, waiting, failed } = paused.counts;
    expect([succeeded + waiting, failed]).toEqual([16, 0]);
    expect(waiting).toBeGreaterThan(5);
    simulator.setBalance(token, 100);
    await batch.resume();
    expect(await batch.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 16 } });
    expect(simulator.ledger().jobs).toHaveLength(16);
    expect(new Set((await linesOf(batch)).map(({ id }) => id)).size).toBe(16);
    await checkBatch(stack, batch, 'wallet-empty-then-filled');
  });

  it('56: a budget without room pauses it and gives items back; with a higher limit each is ordered once', async () => {
    const stack = await batchStack();
    const { batches, generations, key: newKey, simulator, client } = stack;
    const key = newKey();
    const budget = await generations.budgets.create({ name: key, limitUsd: 0.045 });
    onTestFinished(() => client.workflow.getHandle(budgetId(key)).terminate('test over'));
    const batch = await batches.start(
      { items: itemsNamed(key, 12), defaults, window: 3, budgets: [budget.name] },
      { key },
    );
    const paused = await untilBatch(batch, (state) => state.paused !== null && state.counts.inFlight === 0);
    expect(paused.paused).toMatchObject({ reason: 'budget', message: expect.stringContaining(key) as string });
    expect(paused.counts).toMatchObject({ succeeded: 4, waiting: 8, failed: 0 });
    expect(simulator.ledger().jobs).toHaveLength(4);
    await generations.budgets.set(key, { limitUsd: 1 });
    await batch.resume();
    expect(await batch.result()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 12, failed: 0 } });
    expect(simulator.ledger().jobs).toHaveLength(12);
    expect(tally(await linesOf(batch))).toEqual({ succeeded: 12 });
    await checkBatch(stack, batch);
  });

  it('55, 62: failures in a row pause it; a resume goes on; an unknown submission has its line with evidence', async () => {
    const stack = await batchStack({
      faults: [
        { fault: 'accept-then-reset', step: 'submit', times: 1 },
        { fault: 'job-fails', step: 'submit', times: 5 },
      ],
    });
    const { batches, key: newKey } = stack;
    const key = newKey();
    const request = { items: itemsNamed(key, 9), defaults, window: 1, pauseAfterFailures: 4 };
    const batch = await batches.start(request, { key });
    const { paused, failures } = await untilBatch(
      batch,
      (state) => state.paused !== null && state.counts.inFlight === 0,
    );
    const last = failures.find(({ type }) => type === 'GenerationFailed');
    const message = `4 failures in a row; the last: ${last?.lastMessage ?? 'nothing'}`;
    expect(paused).toMatchObject({ reason: 'failures', message });
    await batch.resume();
    const { phase, counts } = await batch.result();
    expect(phase).toBe('partial');
    expect(counts.unknown).toBe(1);
    const unknown = (await linesOf(batch)).find(({ status }) => status === 'submission_unknown');
    expect(unknown?.error).toMatchObject({
      type: 'SubmitOutcomeUnknown',
      submission: 'unknown',
      evidence: { sentAt: expect.any(String), reason: expect.any(String) },
    });
    await checkBatch(stack, batch, 'paused-by-failures');
  });

  it('pauses within seconds and goes on; stops at its limit of money; workers are exchanged meanwhile', async () => {
    const stack = await batchStack();
    const { batches, key: newKey, simulator, workers } = stack;
    const key = newKey();
    const request = { items: itemsNamed(key, 30), defaults, window: 10, maxCostUsd: 0.25 };
    simulator.hold();
    const batch = await batches.start(request, { key });
    await eventually(() => {
      expect(simulator.ledger().jobs).toHaveLength(10);
    });
    await batch.pause('lunch');
    await untilBatch(batch, ({ paused: pause }) => pause?.reason === 'user');
    simulator.release();
    // Temporal's records, which tell while no worker has the time, have no reason.
    const { paused } = await untilBatch(
      batch,
      (state) => state.phase === 'paused' && state.paused !== null && state.counts.inFlight === 0,
    );
    expect(paused).toMatchObject({ reason: 'user', message: 'lunch' });
    const atPause = simulator.ledger().jobs.length;
    await workers.stop();
    await workers.start();
    expect(simulator.ledger().jobs).toHaveLength(atPause);
    await batch.resume();
    const limited = await untilBatch(
      batch,
      (state) => state.paused?.reason === 'max_cost' && state.counts.inFlight === 0,
    );
    expect(limited.money).toMatchObject({ spentUsd: 0.25, maxCostUsd: 0.25 });
    await batch.set({ maxCostUsd: null });
    await batch.resume();
    expect(await batch.result()).toMatchObject({ phase: 'succeeded' });
    expect(simulator.ledger().jobs).toHaveLength(30);
    await checkBatch(stack, batch, 'paused-resumed-limited');
  });
});

it('is listed under the prefix of its key as that is written, in capital letters or small', async () => {
  const { batches, key: newKey } = await batchStack();
  const name = newKey();
  for (const key of [`acme/${name}`, `ACME/${name}`]) {
    await (await batches.start({ items: itemsNamed(name, 1), defaults }, { key })).result();
  }
  const listed = async (keyPrefix: string) => {
    const keys: string[] = [];
    for await (const { key } of batches.list({ keyPrefix })) keys.push(key);
    return keys;
  };
  await eventually(async () => {
    expect(await listed(`ACME/${name}`)).toEqual([`ACME/${name}`]);
  });
  await eventually(async () => {
    expect(await listed(`acme/${name}`)).toEqual([`acme/${name}`]);
  });
});
