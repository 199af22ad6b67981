import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { checkNewerRuns } from '../../../../worker/history/newer-runs.ts';

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
