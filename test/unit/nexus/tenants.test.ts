import type { Client, WorkflowStartOptions } from '@temporalio/client';
import { asyncLocalStorage } from '@temporalio/nexus/lib/context.js';
import { expect, it, onTestFinished, vi } from 'vitest';
import { grpcCode } from '../../../client/grpc.ts';
import { createNexusHandlers } from '../../../nexus/handlers.ts';
import { withOwnNames } from '../../../nexus/own-names.ts';

const tokenOf = (token: unknown) => Buffer.from(JSON.stringify(token)).toString('base64url');
const ofWorkflow = (wid: string) => tokenOf({ t: 1, ns: 'default', wid });

/** Cancels an operation by a token that may be anyone's; gives the workflows that were cancelled, and the refusal. */
async function cancelBy(token: string, keyPrefix = 'acme/') {
  const types: Record<string, string> = {
    'runcomfy-budget:acme.spring': 'runcomfyBudget',
    'acme/film': 'runcomfyPipeline',
  };
  const cancelled: string[] = [];
  const client = {
    options: { namespace: 'default' },
    workflowService: {
      describeWorkflowExecution: ({ execution: { workflowId } }: { execution: { workflowId: string } }) => {
        const type = { name: types[workflowId] ?? 'runcomfyGeneration' };
        return Promise.resolve({
          pendingActivities: [],
          workflowExecutionInfo: { execution: { workflowId, runId: 'run-1' }, type, status: 1 },
        });
      },
    },
    workflow: {
      getHandle: (workflowId: string) => ({ cancel: () => Promise.resolve(cancelled.push(workflowId)) }),
    },
  } as unknown as Client;
  const handlers = createNexusHandlers({ client, taskQueue: 'q', keyPrefix });
  const generate = handlers.getOperationHandler('generate');
  const refusal = await generate.cancel({} as never, token).catch((error: unknown) => error as { type: string });
  return { cancelled, refusal: refusal?.type };
}

it('an operation that is cancelled cancels the generation that its token names', async () => {
  expect(await cancelBy(ofWorkflow('acme/order-1'))).toEqual({ cancelled: ['acme/order-1'], refusal: undefined });
  expect(await cancelBy(ofWorkflow('order-1'), '')).toEqual({ cancelled: ['order-1'], refusal: undefined });
});

it.each([
  ["another tenant's generation", ofWorkflow('beta/order-1')],
  ['a budget', ofWorkflow('runcomfy-budget:acme.spring')],
  ['no workflow', tokenOf({ t: 2, ns: 'default', aid: 'acme/order-1', rid: 'r' })],
  ['nothing', 'junk'],
])('a token that names %s cancels nothing', async (_what, token) => {
  expect(await cancelBy(token)).toEqual({ cancelled: [], refusal: 'NOT_FOUND' });
});

it.each(['runcomfy-budget:acme.spring', 'acme/film'])(
  '%s is no generation: it is not cancelled',
  async (workflowId) => {
    expect(await cancelBy(ofWorkflow(workflowId), workflowId.startsWith('acme/') ? 'acme/' : '')).toEqual({
      cancelled: [],
      refusal: 'BAD_REQUEST',
    });
  },
);

it('names budgets and secrets of its own tenant alone', () => {
  const webhook = { url: 'https://hooks.example/', secret: 'acme.night' };
  const order = { model: 'a/b', budgets: ['spring', 'beta.spring'], webhook };
  expect(withOwnNames('acme', 'k', order)).toEqual({ ...order, budgets: ['acme.spring', 'acme.beta.spring'] });
  expect(withOwnNames(undefined, 'k', order)).toBe(order);
  for (const secret of ['beta', 'acme-2', 'acm']) {
    expect(() => withOwnNames('acme', 'k', { webhook: { ...webhook, secret } })).toThrow('no secrets of yours');
  }
  // What is malformed is refused by the checks that follow.
  const junk = { budgets: 'beta.spring', webhook: 7 } as never;
  expect(withOwnNames('acme', 'k', junk)).toBe(junk);
  // In words that repeat nothing: this is a secret itself.
  const told = { webhook: { ...webhook, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' } };
  expect(withOwnNames('acme', 'k', told)).toBe(told);
});

it('a handler has answered well within its ten seconds, also where no worker answers it', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const waits: number[] = [];
  const signals: string[] = [];
  const silent = () =>
    Promise.reject(Object.assign(new Error('late'), { code: grpcCode.deadlineExceeded, details: '', metadata: {} }));
  const run = { execution: { workflowId: 'k', runId: 'r' }, type: { name: 'runcomfyGeneration' }, status: 1 };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (deadline: number, call: () => unknown) => {
      waits.push(deadline - Date.now());
      return call();
    },
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ pendingActivities: [], workflowExecutionInfo: run }),
      getWorkflowExecutionHistory: () => Promise.resolve({}),
    },
    workflow: {
      getHandle: () => ({
        query: silent,
        startUpdate: silent,
        signal: (name: string) => Promise.resolve(void signals.push(name)),
      }),
    },
  } as unknown as Client;
  const handlers = createNexusHandlers({ client, taskQueue: 'q' });
  const ask = (operation: string) => handlers.getOperationHandler(operation).start({} as never, { key: 'k' });
  expect(await ask('state')).toMatchObject({ value: { isFromServer: true, phase: 'submitting' } });
  expect(waits.splice(0)).toEqual([6_000]);
  expect(await ask('cancel')).toMatchObject({ value: { outcome: 'unknown' } });
  expect([waits, signals]).toEqual([[7_000, 1_500], ['cancel']]);
});

/** Orders as acme, or by these options, where Temporal's index tells these keys of the request; gives what was started. */
async function generateBy(input: object, keys: string[] = [], options = { keyPrefix: 'acme/' }) {
  const started: WorkflowStartOptions[] = [];
  const start = (_type: string, given: WorkflowStartOptions) => {
    started.push(given);
    return Promise.resolve({ workflowId: given.workflowId, firstExecutionRunId: '' });
  };
  const executions = keys.map((workflowId) => ({ execution: { workflowId, runId: 'r' } }));
  const client = {
    options: { namespace: 'default' },
    workflowService: {
      listWorkflowExecutions: () => Promise.resolve({ executions, nextPageToken: new Uint8Array() }),
      getWorkflowExecutionHistory: () => Promise.resolve({}),
      describeWorkflowExecution: () =>
        Promise.resolve({ pendingActivities: [], workflowExecutionInfo: { type: { name: 'runcomfyGeneration' } } }),
    },
    workflow: { start },
  } as unknown as Client;
  const generate = createNexusHandlers({ client, taskQueue: 'q', ...options }).getOperationHandler('generate');
  const context = { client, taskQueue: 'q', namespace: 'default' };
  const operation = { requestId: 'o', inboundLinks: [], outboundLinks: [], callbackHeaders: {} };
  const ordered = asyncLocalStorage.run(context as never, () => generate.start(operation as never, input));
  const refusal = await ordered.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return { started, refusal };
}

const model = 'a/b';
const requestId = '7f9c2ba4-e88f-4272-b5b0-1d2f6a3c9e10';

it("takes over no request that the index tells of others alone, and gives nobody else's output", async () => {
  for (const keys of [['beta/order-1'], ['order-1', 'beta/order-1'], ['acme2/x']]) {
    const { started, refusal } = await generateBy({ key: 'x', model, requestId }, keys);
    expect([started, refusal?.message]).toEqual([[], expect.stringMatching(/there is no such request$/)]);
    expect(refusal?.cause).toMatchObject({ type: 'InvalidInput' });
  }
});

it('takes over a request of its own, one that nobody follows, and any where no prefix is set', async () => {
  for (const [keys, options] of [
    [['beta/order-1', 'acme/order-1'], undefined],
    [[], undefined],
    [['beta/order-1'], { keyPrefix: '' }],
  ] as const) {
    const { started, refusal } = await generateBy({ key: 'x', model, requestId }, [...keys], options);
    expect(refusal).toBeUndefined();
    expect(started).toHaveLength(1);
  }
  // What is malformed is refused by the checks that follow.
  const { refusal } = await generateBy({ key: 'x', model, requestId: 7 });
  expect(refusal?.message).toMatch(/requestId/);
});

it('takes turns as its tenant with the orders of other faces', async () => {
  const order = { key: 'x', model, input: { prompt: 'p' } };
  const [ofAcme, ofNobody] = await Promise.all([generateBy(order), generateBy(order, [], { keyPrefix: '' })]);
  expect(ofAcme.started).toMatchObject([{ workflowId: 'acme/x', priority: { fairnessKey: 'acme' } }]);
  expect(ofNobody.started.map(({ priority }) => priority)).toEqual([undefined]);
});
