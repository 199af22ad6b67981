import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { resolveSubmission } from '../../../../client/generation/deciding/resolve-submission.ts';
import { createHandle } from '../../../../client/generation/generation-handle.ts';
import { grpcCode } from '../../../../client/grpc.ts';
import { decidePipeline } from '../../../../client/pipeline/decide.ts';

const lost = (code: number) => Object.assign(new Error('it is lost'), { code, details: 'it is lost', metadata: {} });

interface Trouble {
  /** Workers fail on the run's tasks. */
  isFailing?: boolean;
  /** What comes of the update; without it, it waits for a worker. */
  update?: () => Promise<object>;
  /** What comes of a look at the run. */
  described?: () => Promise<never>;
  type?: string;
}

/** Temporal with one workflow that no worker goes on with. */
function unattended({ isFailing = false, update, described, type = 'runcomfyGeneration' }: Trouble) {
  const execution = { workflowId: 'k', runId: 'run' };
  const workflowExecutionInfo = { execution, type: { name: type }, status: 1, taskQueue: 'queue-of-the-operator' };
  const pendingWorkflowTask = { attempt: isFailing ? 5 : 1 };
  const failure = { workflowTaskFailedEventAttributes: { failure: { message: 'no codec key' } } };
  let under: AbortSignal | undefined;
  const untilLeft = () =>
    new Promise<never>((_, reject) => {
      const leave = () => {
        reject(lost(grpcCode.cancelled));
      };
      if (under?.aborted) leave();
      else under?.addEventListener('abort', leave);
    });
  return {
    options: { namespace: 'default' },
    withAbortSignal: (signal: AbortSignal, call: () => unknown) => {
      under = signal;
      return call();
    },
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate: update ?? untilLeft }) },
    workflowService: {
      describeWorkflowExecution:
        described ?? (() => Promise.resolve({ workflowExecutionInfo, pendingWorkflowTask, pendingActivities: [] })),
      getWorkflowExecutionHistoryReverse: () => Promise.resolve({ history: { events: [failure] } }),
      describeTaskQueue: () => Promise.resolve({ pollers: [] }),
    },
  } as unknown as Client;
}

const handleOf = (client: Client) => createHandle(client, { key: 'k', runId: 'run', attached: true, notices: [] });
const refusing = (code: number) => () => Promise.reject(lost(code));
const away = () => Promise.reject(lost(grpcCode.unavailable));

it.each<[string, Trouble]>([
  ['no worker polls', {}],
  ['none has taken it in time', { update: refusing(grpcCode.deadlineExceeded) }],
  ['workers fail on its tasks', { isFailing: true, update: refusing(grpcCode.failedPrecondition) }],
  ['Temporal is away before it has answered', { update: away }],
  ['Temporal is busy', { update: refusing(grpcCode.resourceExhausted) }],
  ['Temporal is away since', { update: refusing(grpcCode.deadlineExceeded), described: away }],
  ['a worker has it, and Temporal is away since', { update: () => Promise.resolve({ result: away }) }],
])('a second bill that may still be ordered is no reason to decide again: %s', async (_what, trouble) => {
  const error: unknown = await handleOf(unattended(trouble))
    .resolveSubmission({ action: 'resubmit' })
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ type: 'StillRunning', key: 'k' });
  expect(String(error)).toContain('look at its state');
  // Whoever decides through a gateway is not told where its workers are.
  expect(String(error)).not.toContain('queue-of-the-operator');
});

it.each<[string, Trouble]>([
  ['NoWorker', {}],
  ['WorkerFailing', { isFailing: true, update: refusing(grpcCode.failedPrecondition) }],
])('a decision that may be made again says that it may be carried out all the same: %s', async (type, trouble) => {
  const left = { type, message: expect.stringContaining('may be carried out once a worker can') as string };
  const adopting = resolveSubmission(unattended(trouble), 'k', { action: 'abandon' });
  await expect(adopting).rejects.toMatchObject(left);
  if (type !== 'NoWorker') return;
  const pipeline = unattended({ ...trouble, type: 'runcomfyPipeline' });
  await expect(decidePipeline(pipeline, 'k', { step: 'pick', decision: 'approve' })).rejects.toMatchObject(left);
});

it('a decision that a worker has taken is told as such, whatever becomes of its answer', async () => {
  const client = unattended({ update: () => Promise.resolve({ result: away }) });
  const taken = { type: 'StillRunning', message: expect.stringContaining('was taken') as string };
  await expect(handleOf(client).resolveSubmission({ action: 'abandon' })).rejects.toMatchObject(taken);
});
