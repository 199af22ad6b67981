import { setImmediate as turn } from 'node:timers/promises';
import { Client, type ConnectionLike } from '@temporalio/client';
import { defaultDataConverter, defaultPayloadConverter, ValueError } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createBudget } from '../../../client/budget/create-budget.ts';
import { listBudgets } from '../../../client/budget/list-budgets.ts';
import { readBudget } from '../../../client/budget/read-budget.ts';
import { cancelledWords } from '../../../domain/budget/budget.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve } from '../../support/gateway-in-process.ts';

const state = { name: 'acme', limitUsd: 5, spentUsd: 2, open: 0 };
const asWorkerSays = { ...state, spentUsd: 3 };

/** A server on which the budget's run stands so, with a worker. */
function serverWith(status: number, result: unknown): Client {
  const workflowExecutionInfo = {
    execution: { workflowId: 'runcomfy-budget:acme', runId: 'r' },
    type: { name: 'runcomfyBudget' },
    status,
  };
  return {
    options: { namespace: 'default', loadedDataConverter: { ...defaultDataConverter, payloadCodecs: [] } },
    withDeadline: (_: number, call: () => unknown) => call(),
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
    },
    workflow: {
      result: (...asked: unknown[]) => {
        expect(asked).toEqual(['runcomfy-budget:acme', 'r', { followRuns: false }]);
        return Promise.resolve(result);
      },
      getHandle: () => ({ query: () => Promise.resolve(asWorkerSays) }),
    },
  } as unknown as Client;
}

it.each<[what: string, status: number, result: unknown, told: object]>([
  ['open, by its worker', 1, undefined, asWorkerSays],
  ['closed, by its result', 2, state, { ...state, isClosed: true, runId: 'r' }],
  ['closed without a result, by its worker', 2, undefined, { ...asWorkerSays, isClosed: true, runId: 'r' }],
  [
    'closed with a result of something else, by its worker',
    2,
    { name: 'other' },
    { ...asWorkerSays, isClosed: true, runId: 'r' },
  ],
  ['terminated, by its worker', 5, undefined, { ...asWorkerSays, isClosed: true, runId: 'r' }],
])('tells of a budget that is %s', async (_what, status, result, told) => {
  expect(await readBudget(serverWith(status, result), 'acme')).toEqual(told);
});

it('lists budgets in their order, some of them asked at once, without those that were closed meanwhile', async () => {
  const names = Array.from({ length: 45 }, (_, at) => `b${String(at)}`);
  const about = (workflowId: string, status: number) => ({
    execution: { workflowId, runId: 'r' },
    type: { name: 'runcomfyBudget' },
    status,
  });
  const executions = names.map((name) => about(`runcomfy-budget:${name}`, 1));
  let [asked, most] = [0, 0];
  const askedOf = async (workflowId: string) => {
    asked += 1;
    most = Math.max(most, asked);
    await turn();
    asked -= 1;
    return { ...state, name: workflowId.replace('runcomfy-budget:', '') };
  };
  const base = serverWith(1, undefined);
  const client = Object.assign(base, {
    workflowService: {
      listWorkflowExecutions: () => Promise.resolve({ executions, nextPageToken: new Uint8Array() }),
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) =>
        Promise.resolve({
          workflowExecutionInfo: about(workflowId, workflowId.endsWith(':b7') ? 5 : 1),
          pendingActivities: [],
        }),
    },
    workflow: { getHandle: (workflowId: string) => ({ query: () => askedOf(workflowId) }) },
  });
  const told: string[] = [];
  for await (const { name } of listBudgets(client)) told.push(name);
  expect(told).toEqual(names.filter((name) => name !== 'b7'));
  expect(most).toBe(20);
});

it('lists an open budget that cannot be decoded here by its name, and all others as they stand', async () => {
  const about = (name: string, status = 1) => ({
    execution: { workflowId: `runcomfy-budget:${name}`, runId: 'r' },
    type: { name: 'runcomfyBudget' },
    status,
  });
  const query = (workflowId: string) =>
    workflowId.endsWith(':theirs')
      ? Promise.reject(new ValueError('Unknown encoding: binary/encrypted'))
      : Promise.resolve({ ...state, name: workflowId.replace('runcomfy-budget:', '') });
  const client = Object.assign(serverWith(1, undefined), {
    workflowService: {
      listWorkflowExecutions: () =>
        Promise.resolve({
          executions: ['a', 'theirs', 'closed', 'z'].map((name) => about(name)),
          nextPageToken: new Uint8Array(),
        }),
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) =>
        Promise.resolve({
          workflowExecutionInfo: about('any', workflowId.endsWith(':closed') ? 2 : 1),
          pendingActivities: [],
        }),
    },
    workflow: {
      getHandle: (workflowId: string) => ({ query: () => query(workflowId) }),
      result: () => Promise.reject(new ValueError('Unknown encoding: binary/encrypted')),
    },
  });
  const told: object[] = [];
  for await (const budget of listBudgets(client)) told.push(budget);
  const theirs = { name: 'theirs', isUndecodable: true };
  expect(told).toEqual([{ ...state, name: 'a' }, theirs, { ...state, name: 'z' }]);
  const url = await serve(anonymousAccess, { client });
  const page = await fetch(`${url}/api/v1/budgets`);
  expect([page.status, await page.json()]).toEqual([200, { budgets: told }]);
});

it.each([5, 8])('creates no budget of %i USD where one ends whose workflow was cancelled', async (limitUsd) => {
  const told = { ...state, period: 'total', warning: cancelledWords };
  const workflowExecutionInfo = {
    execution: { workflowId: 'runcomfy-budget:acme', runId: 'r' },
    type: { name: 'runcomfyBudget' },
    status: 1,
  };
  const connection = {
    withDeadline: (_: number, call: () => unknown) => call(),
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    workflowService: {
      startWorkflowExecution: () => Promise.resolve({ runId: 'r', started: false }),
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
      queryWorkflow: () => Promise.resolve({ queryResult: { payloads: [defaultPayloadConverter.toPayload(told)] } }),
    },
  } as unknown as ConnectionLike;
  await expect(createBudget(new Client({ connection }), 'queue', { name: 'acme', limitUsd })).rejects.toMatchObject({
    type: 'StillRunning',
    key: 'runcomfy-budget:acme',
    message: expect.stringContaining('create it again then') as string,
  });
});
