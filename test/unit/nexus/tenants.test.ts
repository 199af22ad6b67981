import type { Client } from '@temporalio/client';
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
