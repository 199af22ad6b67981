import { Readable } from 'node:stream';
import { type Client, defaultPayloadConverter } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { checkBudgets, checkSchedules } from '../../../../cli/checks/supply-check.ts';
import { type GenerationClient, GenerationError, type ScheduleState } from '../../../../client/index.ts';
import type { BudgetState } from '../../../../domain/budget/budget.ts';
import { budgetWorkflowType } from '../../../../domain/budget/names.ts';

const budget: BudgetState = {
  name: 'autumn',
  limitUsd: 10,
  period: 'day',
  periodStart: '2026-01-01T00:00:00.000Z',
  spentUsd: 8,
  reservedUsd: 0,
  availableUsd: 2,
  overUsd: 0,
  presumedUsd: 0,
  open: 0,
  refused: 0,
};

/** A client of a server that lists budgets as they were shown last. */
function clientOf(budgets: BudgetState[]): Client {
  const executions = budgets.map((shown) => ({
    execution: { workflowId: `budget of ${shown.name}`, runId: 'run' },
    memo: { fields: { [budgetWorkflowType]: defaultPayloadConverter.toPayload(shown) } },
  }));
  const loadedDataConverter = { payloadCodecs: [], payloadConverter: defaultPayloadConverter };
  return {
    options: { namespace: 'default', loadedDataConverter },
    workflowService: { listWorkflowExecutions: () => Promise.resolve({ executions, nextPageToken: new Uint8Array() }) },
  } as unknown as Client;
}

describe('what doctor says of budgets', () => {
  it('is nothing where there are none, and that all have room', async () => {
    expect(await checkBudgets({ client: clientOf([]) })).toEqual([]);
    expect(await checkBudgets({ client: clientOf([budget]) })).toMatchObject([{ check: 'budgets', status: 'ok' }]);
  });

  it.each([
    ['which is spent', { spentUsd: 7, reservedUsd: 3, availableUsd: 0 }],
    ['whose costs were above what was reserved', { overUsd: 1, availableUsd: 0 }],
  ])('is one %s, and what raises its limit', async (_what, more) => {
    const found = await checkBudgets({ client: clientOf([budget, { ...budget, ...more, name: 'winter' }]) });
    expect(found).toMatchObject([
      {
        status: 'warning',
        message: expect.stringMatching(/^1 of 2 grant nothing more, such as "winter": of \$10 a day, /) as string,
        fix: '`runcomfy-temporal budget set winter --limit USD` raises it',
      },
    ]);
  });
});

const schedule = (name: string, more: Partial<ScheduleState> = {}) =>
  ({ name, paused: false, missed: 0, ...more }) as ScheduleState;

/** Calls of schedules that there are. */
function generationsWith(states: ScheduleState[]): GenerationClient {
  return {
    schedules: {
      list: () => Readable.from(states),
      get: (name: string) => Promise.resolve(states.find((state) => state.name === name)),
    },
  } as unknown as GenerationClient;
}

describe('what doctor says of schedules', () => {
  it('is nothing where there are none, and what they have missed', async () => {
    expect(await checkSchedules({ generations: generationsWith([]) })).toEqual([]);
    const generations = generationsWith([schedule('nightly'), schedule('weekly', { missed: 2 })]);
    expect(await checkSchedules({ generations })).toEqual([
      { check: 'schedules', status: 'ok', message: '2 fire; weekly has missed 2 firings so far' },
    ]);
  });

  it('is which are paused and why, and what has them fire again', async () => {
    const generations = generationsWith([schedule('nightly', { paused: true, note: 'budget' }), schedule('weekly')]);
    expect(await checkSchedules({ generations })).toEqual([
      {
        check: 'schedules',
        status: 'warning',
        message: '1 fire; nightly is paused: budget',
        fix: 'where that is not meant: `runcomfy-temporal schedule resume nightly`',
      },
    ]);
  });

  it('is nothing of one that was deleted while the list was read', async () => {
    const gone = new GenerationError({ type: 'KeyNotFound', message: 'no such schedule', key: 'nightly' });
    const generations = generationsWith([schedule('nightly', { paused: true })]);
    generations.schedules.get = () => Promise.reject(gone);
    expect(await checkSchedules({ generations })).toEqual([]);
  });
});
