import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BudgetState, KnownBudgetState, OpenReservation } from '../../../client/index.ts';
import { budgetId } from '../../../domain/budget/names.ts';
import { budgetStack, countReserves } from '../../support/budgets.ts';
import { commandWith } from '../../support/command-in-process.ts';
import { eventually } from '../../support/eventually.ts';
import { checkExecutions, historiesOf } from '../../support/generations.ts';
import { recordHistories } from '../../support/record-history.ts';
import { onTestFinished } from '../../support/test-end.ts';

interface Told {
  error?: { type: string; budget?: string };
  budgets?: KnownBudgetState[];
  reservations?: OpenReservation[];
}

describe('a budget', () => {
  it('is created, shown, set, listed, released and closed by the command line, as by the client', async () => {
    const { client, generations, settings } = await budgetStack();
    const name = `faces-${randomUUID()}`;
    onTestFinished(() =>
      client.workflow
        .getHandle(budgetId(name))
        .terminate('test over')
        .catch(() => undefined),
    );
    const command = async (...args: string[]) => {
      const { exitCode, stdout } = await commandWith(settings, [...args, '--output', 'json']);
      return { exitCode, told: JSON.parse(stdout) as Told & Partial<BudgetState> };
    };
    expect((await command('budget', 'show', name)).exitCode).toBe(66);
    const created = await command('budget', 'create', name, '--limit', '1.5', '--per', 'day');
    expect(created).toMatchObject({ exitCode: 0, told: { name, limitUsd: 1.5, period: 'day', availableUsd: 1.5 } });
    expect(created.told).not.toHaveProperty('isNew');
    expect((await command('budget', 'create', name, '--limit', '1.5', '--per', 'day')).exitCode).toBe(0);
    expect(await command('budget', 'create', name, '--limit', '2')).toMatchObject({
      exitCode: 65,
      told: { error: { type: 'KeyInUse' } },
    });
    expect((await command('budget', 'create', 'a b', '--limit', '2')).exitCode).toBe(65);
    expect((await command('budget', 'create', name, '--limit', '0.0000001')).exitCode).toBe(65);
    expect((await command('budget', 'create', name, '--limit', '-1')).exitCode).toBe(64);

    // Another service reserves for an order of its own.
    await client.workflow.getHandle(budgetId(name)).executeUpdate('reserve', {
      args: [{ requests: [{ key: 'order-4711', priceUsd: 1 }] }],
    });
    expect((await command('budget', 'show', name)).told).toMatchObject({ reservedUsd: 1, availableUsd: 0.5, open: 1 });
    expect((await command('budget', 'reservations', name)).told.reservations).toEqual([
      { key: 'order-4711', priceUsd: 1, reservedAt: expect.any(String) as string, ageMs: expect.any(Number) as number },
    ]);
    await eventually(async () => {
      expect((await command('budget', 'list')).told.budgets?.map((each) => each.name)).toContain(name);
    });
    expect(await command('budget', 'close', name)).toMatchObject({
      exitCode: 75,
      told: { error: { type: 'StillRunning' } },
    });
    expect((await command('budget', 'release', name, 'order-4712', '--reason', 'no such order')).exitCode).toBe(66);

    const input = JSON.stringify({
      prompt: 'a cat',
      start_image_url: 'https://images.example.com/a.png',
      duration: 10,
    });
    const order = ['generate', 'kling/kling-3.0/standard/image-to-video', '--input', input, '--budget', name];
    expect(await command(...order)).toMatchObject({
      exitCode: 69,
      told: { error: { type: 'BudgetExceeded', budget: name } },
    });
    expect((await command('budget', 'release', name, 'order-4711', '--reason', 'never sent')).told).toMatchObject({
      open: 0,
      availableUsd: 1.5,
      // All but that for the other service's order.
      refused: (await countReserves(client, name)) - 1,
    });
    expect(await command(...order)).toMatchObject({ exitCode: 0, told: { budgets: [name], priceUsd: 1.26 } });
    await eventually(async () => {
      expect((await command('budget', 'show', name)).told).toMatchObject({ open: 0, spentUsd: 1.26 });
    });
    expect((await command('budget', 'set', name, '--limit', '0')).told).toMatchObject({ limitUsd: 0, spentUsd: 1.26 });
    expect((await command('budget', 'close', name)).told).toMatchObject({ spentUsd: 1.26, open: 0 });
    expect(await generations.budgets.state(name)).toMatchObject({ spentUsd: 1.26, isClosed: true });
    expect(await command(...order)).toMatchObject({ exitCode: 65, told: { error: { type: 'InvalidInput' } } });
    await checkExecutions(client, [budgetId(name)]);
    const histories = await historiesOf(client, budgetId(name));
    await recordHistories('reserved-settled-released-closed', histories, 'runcomfyBudget');
  });

  it('refuses junk arguments and junk messages without a failed task', async () => {
    const { client, budget, workers } = await budgetStack();
    const start = (workflowId: string, args: unknown[]) =>
      client.workflow.start('runcomfyBudget', { workflowId, taskQueue: workers.taskQueue, args });
    const junk: [string, unknown[]][] = [
      [budgetId(`junk-${randomUUID()}`), []],
      [budgetId(`junk-${randomUUID()}`), [{ limitUsd: -1 }]],
      [budgetId(`junk-${randomUUID()}`), [{ limitUsd: 1, period: 'week' }, { books: { spent: -5 } }]],
      [budgetId('no name at all'), [{ limitUsd: 1 }]],
      [`no-budget-${randomUUID()}`, [{ limitUsd: 1 }]],
    ];
    const started = await Promise.all(junk.map(([id, args]) => start(id, args)));
    for (const handle of started) {
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'InvalidInput' } });
    }
    const { name, state, update, settle } = await budget({ limitUsd: 5 });
    for (const message of [
      undefined,
      null,
      7,
      'x',
      [],
      {},
      { requests: [{}] },
      { requests: [{ key: 'a', priceUsd: -1 }] },
    ]) {
      await expect(update('reserve', message)).rejects.toThrow();
      await expect(update('set', message)).rejects.toThrow();
      await expect(update('release', message)).rejects.toThrow();
      await settle(message);
    }
    // Half a character would end the worker that refuses it, were it told as it came.
    await expect(update('release', { key: '\ud83d', reason: 'x' })).rejects.toMatchObject({
      cause: { type: 'ReservationNotFound', message: 'nothing is reserved for key "\ufffd"' },
    });
    // Forged: nothing is reserved for this key, so nothing is spent.
    await settle({ settlements: [{ key: 'forged', outcome: 'succeeded', costUsd: 4 }, { key: 7 }] });
    await update('reserve', { requests: [{ key: 'a', priceUsd: 1 }] });
    await settle({ settlements: [{ key: 'a', outcome: 'succeeded', costUsd: -4 }] });
    await eventually(async () => {
      expect(await state()).toMatchObject({ spentUsd: 0, reservedUsd: 1, availableUsd: 4 });
    });
    await checkExecutions(client, [budgetId(name)]);
  });
});
