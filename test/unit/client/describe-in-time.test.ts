import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { describeGeneration } from '../../../client/operator/index.ts';

it.each([18_000, 2_000])(
  'a generation that is described within %i ms leaves a server that hangs time to be asked again, and asks nobody beyond',
  async (withinMs) => {
    let deadline = Infinity;
    const asked: { who: string; untilMs: number }[] = [];
    const note = (who: string) => asked.push({ who, untilMs: deadline - answeredBy });
    const client = {
      options: { namespace: 'default' },
      withDeadline: async (until: number, call: () => Promise<unknown>) => {
        const outer = deadline;
        deadline = until;
        const called = call();
        deadline = outer;
        return called;
      },
      withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
      workflowService: {
        describeWorkflowExecution: () => {
          note('server');
          const workflowExecutionInfo = {
            execution: { workflowId: 'k', runId: 'r' },
            type: { name: 'runcomfyGeneration' },
            status: 1,
            startTime: { seconds: 1_800_000_000, nanos: 0 },
          };
          return Promise.resolve({ workflowExecutionInfo, pendingActivities: [] });
        },
      },
      workflow: {
        getHandle: () => ({
          query: () => {
            note('worker');
            return Promise.reject(new Error('enough'));
          },
        }),
      },
    } as unknown as Client;
    const answeredBy = Date.now() + withinMs;
    await expect(describeGeneration(client, 'k', { withState: true, answeredBy })).rejects.toThrow('enough');
    expect(asked.map(({ who }) => who)).toEqual(['server', 'worker']);
    const [server, worker] = asked.map(({ untilMs }) => untilMs);
    // Each is left what is left of the time, and no more than suits it.
    expect(server).toBeLessThanOrEqual(withinMs > 5_000 ? -8_000 : 0);
    expect(worker).toBeLessThanOrEqual(withinMs > 12_000 ? -1_000 : 0);
  },
);
