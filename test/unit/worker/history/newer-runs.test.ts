import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { checkNewerRuns, isOnlyRunOfKey } from '../../../../worker/history/newer-runs.ts';

it('takes a newer run that is paused for one that may be billed, without waiting for its end', async () => {
  const executions = [
    { execution: { workflowId: 'order-1', runId: 'followed' }, status: 3, startTime: { seconds: 1 } },
    { execution: { workflowId: 'order-1', runId: 'paused' }, status: 8, startTime: { seconds: 2 } },
    { execution: { workflowId: 'order-1', runId: 'own' }, status: 1, startTime: { seconds: 3 } },
  ];
  let waited = 0;
  // Calls that the look makes.
  const client = {
    options: { namespace: 'default' },
    workflowService: {
      listWorkflowExecutions: () => Promise.resolve({ executions, nextPageToken: new Uint8Array() }),
    },
    workflow: {
      getHandle: () => ({
        result: () => {
          waited += 1;
          return Promise.reject(new Error('it goes on'));
        },
      }),
    },
  } as unknown as Client;
  await expect(checkNewerRuns(client, 'order-1', 'own', 'followed')).rejects.toMatchObject({
    type: 'InvalidInput',
    message: expect.stringContaining('by run paused, which may be billed') as string,
  });
  expect(waited).toBe(0);
});

it.each([
  ['a?b', "STARTS_WITH 'a'"],
  ['?b', "StartTime >= '1970-01-01T00:00:01.000Z'"],
])(
  'asks of the key %s for its plain beginning: some stores take a question mark for a place of their own',
  async (key, clause) => {
    const asked: string[] = [];
    const executions = [
      { execution: { workflowId: key, runId: 'followed' }, status: 3, startTime: { seconds: 1 } },
      { execution: { workflowId: key, runId: 'own' }, status: 1, startTime: { seconds: 3 } },
    ];
    const client = {
      options: { namespace: 'default' },
      workflowService: {
        describeWorkflowExecution: () =>
          Promise.resolve({ workflowExecutionInfo: executions[0], pendingActivities: [] }),
        listWorkflowExecutions: ({ query }: { query: string }) => {
          asked.push(query);
          if (query.includes('?')) return Promise.reject(new Error('14 UNAVAILABLE'));
          return Promise.resolve({ executions, nextPageToken: new Uint8Array() });
        },
      },
    } as unknown as Client;
    await checkNewerRuns(client, key, 'own', 'followed');
    expect(asked).toEqual([expect.stringMatching(new RegExp(`${clause}$`))]);
    expect(await isOnlyRunOfKey(client, key, 'own')).toBe(false);
  },
);
