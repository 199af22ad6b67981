import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it, vi } from 'vitest';
import type { SettleMessage } from '../../../domain/budget/budget.ts';
import { createBudgetDesk } from '../../../worker/budget-desk.ts';

/** A desk whose budget takes a signal only after so many attempts, each of which takes so long. */
function deskBefore(attempts: number, eachTakesMs: number) {
  let now = Date.parse('2026-11-27T12:00:00.000Z');
  vi.spyOn(Date, 'now').mockImplementation(() => now);
  const told: string[][] = [];
  const signal = (_name: string, { settlements }: SettleMessage) => {
    told.push(settlements.map(({ key }) => key));
    now += eachTakesMs;
    return told.length < attempts ? Promise.reject(new Error('too slow')) : Promise.resolve();
  };
  const client = {
    withDeadline: (_at: number, call: () => Promise<unknown>) => call(),
    workflow: { getHandle: () => ({ signal }) },
  };
  return { desk: createBudgetDesk(client as unknown as Client), told };
}

describe('a settlement that its budget does not take at once', () => {
  it('is told again while nothing that is granted later could be meant by it', async () => {
    const { desk, told } = deskBefore(4, 3_000);
    await desk.settle('team', { key: 'named', outcome: 'refused', grant: 1 });
    expect(told).toEqual([['named'], ['named'], ['named'], ['named']]);
  });

  it('is told no more once its order waits no longer, where it names no grant', async () => {
    const { desk, told } = deskBefore(4, 3_000);
    void desk.settle('team', { key: 'unnamed', outcome: 'refused' }).catch(() => undefined);
    await desk.settle('team', { key: 'named', outcome: 'refused', grant: 1 });
    expect(told).toEqual([['unnamed', 'named'], ['unnamed', 'named'], ['named'], ['named']]);
  });
});

it('a reservation that its task did not tell the budget of is asked for again, as the same', async () => {
  const ids: string[] = [];
  const failure = ApplicationFailure.nonRetryable("it wasn't processed by worker", 'UnprocessedUpdate');
  const executeUpdate = (_name: string, { updateId }: { updateId: string }) => {
    ids.push(updateId);
    if (ids.length === 1) return Promise.reject(new WorkflowUpdateFailedError('Workflow Update failed', failure));
    return Promise.resolve({ verdicts: [{ granted: true }], limitUsd: 5 });
  };
  const client = {
    withDeadline: (_at: number, call: () => Promise<unknown>) => call(),
    workflow: { getHandle: () => ({ executeUpdate }) },
  };
  const desk = createBudgetDesk(client as unknown as Client);
  expect(await desk.reserve('team', { key: 'k', priceUsd: 1 }, 3_000)).toEqual({ granted: true, limitUsd: 5 });
  expect(new Set(ids).size).toBe(1);
  expect(ids).toHaveLength(2);
});
