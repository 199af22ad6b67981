import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BudgetState, ReserveReply } from '../../../domain/budget/budget.ts';
import { budgetId } from '../../../domain/budget/names.ts';
import { createBudgetDesk } from '../../../worker/budget-desk.ts';
import { accountsOf, budgetStack, clip, countReserves } from '../../support/budgets.ts';
import { eventually } from '../../support/eventually.ts';
import { checkExecutions } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import { onTestFinished } from '../../support/test-end.ts';

const order = (key: string, priceUsd = 1) => ({ requests: [{ key, priceUsd }] });

describe.concurrent('a budget', () => {
  it('that is reset holds what it held: nothing is lost, and nothing set aside or spent twice', async () => {
    const { client, budget, generations } = await budgetStack();
    const { name, state, update, settle } = await budget({ limitUsd: 40 });
    for (let nth = 1; nth <= 25; nth += 1) await update<ReserveReply>('reserve', order(`order-${String(nth)}`));
    await settle({ settlements: [{ key: 'order-1', outcome: 'succeeded', costUsd: 0.5 }] });
    await settle({ settlements: [{ key: 'order-2', outcome: 'refused' }] });
    await update('release', { key: 'order-3', reason: 'never sent' });
    await update('set', { limitUsd: 30 });
    await (await generations.start(clip([name]))).result();
    const comparable = ({ periodStart: _, oldestOpenAt: __, ...rest }: BudgetState) => rest;
    await eventually(async () => {
      expect(await state()).toMatchObject({ limitUsd: 30, spentUsd: 1.76, reservedUsd: 22, open: 22 });
    });
    const before = comparable(await state());

    const described = await client.workflow.getHandle(budgetId(name)).describe();
    const { events } = await client.workflow.getHandle(budgetId(name)).fetchHistory();
    const firstTask = events?.find(({ workflowTaskCompletedEventAttributes: completed }) => completed);
    await client.workflowService.resetWorkflowExecution({
      namespace: client.options.namespace,
      workflowExecution: { workflowId: budgetId(name), runId: described.runId },
      reason: 'reset by an operator',
      requestId: randomUUID(),
      ...(firstTask?.eventId && { workflowTaskFinishEventId: firstTask.eventId }),
    });
    await eventually(async () => {
      expect(comparable(await state())).toEqual(before);
    });
    // It serves as before.
    await (await generations.start(clip([name]))).result();
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 3.02, reservedUsd: 22, open: 22 });
    });
    expect(await update<ReserveReply>('reserve', order('order-4'))).toMatchObject({
      verdicts: [{ granted: true, again: true }],
    });
    await checkExecutions(client, [budgetId(name)], /reset by an operator/);
  });

  it('that is terminated is an error for whoever names it, and no limit; made anew it knows nothing of before', async () => {
    const { client, budget, generations, simulator } = await budgetStack();
    const { name, update, settle } = await budget({ limitUsd: 5 });
    await update('reserve', order('before'));
    await client.workflow.getHandle(budgetId(name)).terminate('by mistake');
    const refused = await generations.start(clip([name]));
    await expect(refused.result()).rejects.toMatchObject({
      type: 'InvalidInput',
      submission: 'not_sent',
      issues: [{ path: 'request.budgets', message: `there is no budget "${name}"` }],
    });
    expect(simulator.ledger().jobs).toEqual([]);
    await expect(generations.budgets.set(name, { limitUsd: 6 })).rejects.toMatchObject({ type: 'KeyNotFound' });
    expect(await generations.budgets.create({ name, limitUsd: 5 })).toMatchObject({ spentUsd: 0, reservedUsd: 0 });
    onTestFinished(() => client.workflow.getHandle(budgetId(name)).terminate('test over'));
    // The order from before tells its end to a budget that does not know it.
    await settle({ settlements: [{ key: 'before', outcome: 'succeeded', costUsd: 1 }] });
    await (await generations.start(clip([name]))).result();
    await eventually(async () => {
      expect(await generations.budgets.state(name)).toMatchObject({ spentUsd: 1.26, reservedUsd: 0, open: 0 });
    });
  });

  it('answers fifteen workers that ask it at once, ten times each, and never grants more than there is', async () => {
    const { client, budget } = await budgetStack();
    const { name, state } = await budget({ limitUsd: 10 });
    const desks = Array.from({ length: 15 }, () => createBudgetDesk(client));
    const verdicts = await Promise.all(
      desks.flatMap((desk, nth) =>
        Array.from({ length: 10 }, (_, at) =>
          desk.reserve(name, { key: `desk-${String(nth)}-${String(at)}`, priceUsd: 1.26 }, hangMs),
        ),
      ),
    );
    const granted = verdicts.filter((verdict) => verdict !== 'no_budget' && verdict.granted);
    expect(granted).toHaveLength(7);
    expect(await state()).toMatchObject({ reservedUsd: 8.82, open: 7, refused: 143 });
    const accounts = await accountsOf(client, name);
    expect(accounts.filter(({ spent, reserved }) => spent + reserved > 10_000_000)).toEqual([]);
    // What a worker is asked while its update is under way goes with the next: not each question is one of its own.
    expect(await countReserves(client, name)).toBe(15);
    await Promise.all(desks.map((desk) => desk.drain()));
  });
});
