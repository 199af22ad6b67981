import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type GenerationError, isGenerationError } from '../../../client/index.ts';
import { budgetId } from '../../../domain/budget/names.ts';
import { accountsOf, budgetStack, clip, countReserves } from '../../support/budgets.ts';
import { eventually } from '../../support/eventually.ts';
import { checkExecution, checkExecutions, historiesOf } from '../../support/generations.ts';
import { startWorkerProcess } from '../../support/processes.ts';
import { recordHistories } from '../../support/record-history.ts';

const errorOf = (outcome: Promise<unknown>) =>
  outcome.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => {
      if (!isGenerationError(error)) throw error;
      return error;
    },
  );

describe.concurrent('orders under a budget', () => {
  it('are seven of two hundred at $1.26 on $10, on three workers of which one is killed', async () => {
    const { client, simulator, generations, budget, settings } = await budgetStack();
    const [process] = await Promise.all([startWorkerProcess(settings), startWorkerProcess(settings)]);
    const { name, state } = await budget({ limitUsd: 10 });
    const keys = Array.from({ length: 200 }, () => `many-${randomUUID()}`);
    const policy = { onUnknownSubmission: 'fail' } as const;
    const handles = await Promise.all(keys.map((key) => generations.start(clip([name], policy), { key })));
    await eventually(() => {
      expect(simulator.ledger().jobs.length).toBeGreaterThan(0);
    });
    await process.kill9();
    const ends = await Promise.allSettled(handles.map((handle) => handle.result()));
    const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as GenerationError] : []));
    const refused = failed.filter(({ type }) => type === 'BudgetExceeded');
    // Of what the killed worker was just sending nobody knows whether it was sent.
    const unknown = failed.filter(({ type }) => type === 'SubmitOutcomeUnknown');
    expect(refused).toHaveLength(193);
    expect(ends.length - failed.length + unknown.length).toBe(7);
    for (const error of refused) {
      const details = { budget: name, limitUsd: 10, priceUsd: 1.26 };
      expect(error).toMatchObject({ submission: 'not_sent', details });
    }
    expect(simulator.ledger().jobs.length).toBeLessThanOrEqual(7);
    expect(simulator.ledger().jobs.length).toBeGreaterThanOrEqual(7 - unknown.length);
    await eventually(async () => {
      expect(await state()).toMatchObject({ open: unknown.length, overUsd: 0, presumedUsd: 0 });
    });
    const { spentUsd } = await state();
    expect(spentUsd).toBeCloseTo(1.26 * (7 - unknown.length), 6);
    const accounts = await accountsOf(client, name);
    expect(accounts.filter(({ spent, reserved }) => spent + reserved > 10_000_000)).toEqual([]);
    expect(accounts.at(-1)).toEqual({ spent: Math.round(spentUsd * 1e6), reserved: unknown.length * 1_260_000 });
    await checkExecutions(client, [budgetId(name), ...keys.slice(0, 20)]);
  });

  it('tell what they were expected to cost, and the budgets that they count in', async () => {
    const { client, generations, budget } = await budgetStack();
    const [first, second] = await Promise.all([budget({ limitUsd: 2 }), budget({ limitUsd: 3, period: 'day' })]);
    const handle = await generations.start(clip([first.name, second.name]));
    expect(await handle.result()).toMatchObject({ priceUsd: 1.26, budgets: [first.name, second.name] });
    await eventually(async () => {
      expect(await first.state()).toMatchObject({ spentUsd: 1.26, reservedUsd: 0, availableUsd: 0.74 });
      expect(await second.state()).toMatchObject({ spentUsd: 1.26, reservedUsd: 0, availableUsd: 1.74 });
    });
    await checkExecution(client, handle.key);
    await recordHistories('under-budgets', await historiesOf(client, handle.key));
  });

  it('give back what they have reserved in one budget where the next has no room', async () => {
    const { client, generations, simulator, budget } = await budgetStack();
    const [wide, narrow] = await Promise.all([budget({ limitUsd: 100 }), budget({ limitUsd: 1.25 })]);
    const error = await errorOf((await generations.start(clip([wide.name, narrow.name]))).result());
    expect(error).toMatchObject({
      type: 'BudgetExceeded',
      details: { budget: narrow.name, limitUsd: 1.25, availableUsd: 1.25, priceUsd: 1.26 },
    });
    await eventually(async () => {
      expect(await wide.state()).toMatchObject({ reservedUsd: 0, spentUsd: 0, open: 0 });
    });
    expect(await narrow.state()).toMatchObject({ refused: await countReserves(client, narrow.name), open: 0 });
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('are refused where nobody made a budget of the name: a slip of the pen is no freedom from limits', async () => {
    const { generations, simulator } = await budgetStack();
    const error = await errorOf((await generations.start(clip([`budget-${randomUUID()}`]))).result());
    expect(error).toMatchObject({
      type: 'InvalidInput',
      submission: 'not_sent',
      issues: [{ path: 'request.budgets' }],
    });
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('of unknown price are refused, unless the caller says what they cost at most', async () => {
    const { generations, simulator, budget } = await budgetStack();
    const { name, state } = await budget({ limitUsd: 2 });
    const unpriced = { model: 'somebody/some-model/text-to-image', input: { prompt: 'a cat' }, budgets: [name] };
    const error = await errorOf((await generations.start(unpriced)).result());
    expect(error).toMatchObject({ type: 'PriceUnknown', submission: 'not_sent' });
    expect(await state()).toMatchObject({ spentUsd: 0, reservedUsd: 0, open: 0, refused: 0 });
    expect(simulator.ledger().jobs).toEqual([]);
  });

  it('that RunComfy refuses are released', async () => {
    const { generations, simulator, budget } = await budgetStack({ simulator: { switches: { wallet_usd: 0 } } });
    const { name, state } = await budget({ limitUsd: 2 });
    const error = await errorOf((await generations.start(clip([name]))).result());
    expect(error).toMatchObject({ type: 'InsufficientBalance', submission: 'refused' });
    expect(simulator.ledger().jobs).toEqual([]);
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 0, reservedUsd: 0, open: 0 });
    });
  });

  it('that are cancelled in the queue are released; what runs on and is followed no longer stays reserved', async () => {
    const { client, generations, simulator, budget } = await budgetStack();
    const { name, state } = await budget({ limitUsd: 3 });
    simulator.setFaults([{ fault: 'stuck-in-queue', step: 'submit' }]);
    const queued = await generations.start(clip([name]));
    await eventually(async () => {
      expect((await queued.state()).phase).toBe('in_queue');
    });
    simulator.setFaults([{ fault: 'stuck-running', step: 'submit' }]);
    const running = await generations.start(clip([name], { onCancelWhileRunning: 'detach' }));
    await eventually(async () => {
      expect((await running.state()).phase).toBe('in_progress');
    });
    expect(await state()).toMatchObject({ reservedUsd: 2.52, open: 2 });
    expect((await queued.cancel()).outcome).toBe('cancelled');
    await eventually(async () => {
      expect(await state()).toMatchObject({ reservedUsd: 1.26, spentUsd: 0, open: 1 });
    });
    expect((await running.cancel()).outcome).toBe('not_cancellable');
    await errorOf(running.result());
    expect(await state()).toMatchObject({ reservedUsd: 1.26, spentUsd: 0, open: 1 });
    await recordHistories('detached-under-a-budget', await historiesOf(client, running.key));
  });

  it('that cost more than their price are over, and block what comes next until the limit is set anew', async () => {
    const { generations, simulator, budget } = await budgetStack();
    const { name, state, update } = await budget({ limitUsd: 10 });
    simulator.setFaults([{ fault: 'price-changed', step: 'submit', times: 1, factor: 2 }]);
    const dear = await generations.start(clip([name]));
    expect((await dear.result()).costUsd).toBe(2.52);
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 1.26, overUsd: 1.26, availableUsd: 0 });
    });
    const error = await errorOf((await generations.start(clip([name]))).result());
    expect(error).toMatchObject({ type: 'BudgetExceeded', details: { availableUsd: 0 } });
    await update('set', { limitUsd: 10 });
    await (await generations.start(clip([name]))).result();
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 3.78, overUsd: 0 });
    });
  });

  it('are not sent while no worker answers for their budget, and are once one does', async () => {
    const { client, generations, simulator, budget, workers } = await budgetStack();
    const queue = `away-${randomUUID()}`;
    const { name } = await budget({ limitUsd: 2 }, queue);
    const handle = await generations.start(clip([name]));
    await eventually(async () => {
      const { raw } = await client.workflow.getHandle(handle.key).describe();
      expect(raw.pendingActivities?.[0]?.lastFailure?.message).toContain(`budget "${name}" gives no verdict`);
    });
    await eventually(async () => {
      expect(await handle.state()).toMatchObject({ phase: 'submitting', submission: 'not_sent' });
    });
    expect(simulator.ledger().jobs).toEqual([]);
    await workers.start({ taskQueue: queue });
    await handle.result();
    expect(simulator.ledger().jobs).toHaveLength(1);
  });

  it('wait for room under "wait", and are sent once the limit is raised', async () => {
    const { generations, simulator, budget } = await budgetStack();
    const { name, state, update } = await budget({ limitUsd: 1 });
    const handle = await generations.start(clip([name], { onWall: 'wait' }));
    await eventually(async () => {
      expect((await handle.state()).wall).toMatchObject({ type: 'BudgetExceeded' });
    });
    expect(simulator.ledger().jobs).toEqual([]);
    await update('set', { limitUsd: 2 });
    await handle.nudge();
    expect((await handle.result()).costUsd).toBe(1.26);
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 1.26, open: 0 });
    });
  });
});
