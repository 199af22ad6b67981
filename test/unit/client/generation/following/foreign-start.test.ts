import { type Client, QueryNotRegisteredError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter, RetryState, TerminatedFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { startLate } from '../../../../../client/generation/following/collect-late.ts';
import { readServerState } from '../../../../../client/generation/following/server-state.ts';
import { describeRun } from '../../../../../client/generation/run-info.ts';
import { describeGeneration } from '../../../../../client/operator/index.ts';
import { createWebhookClient } from '../../../../../client/webhook/webhook-client.ts';
import { generationWorkflowType, pipelineWorkflowType, webhookWorkflowType } from '../../../../../domain/names.ts';
import { wordsOf } from '../../../../../gateway/runcomfy-api/state-words.ts';
import { flux } from '../../../../support/simulator-client.ts';

const order = { model: flux, input: { prompt: 'a cat' } };
const startTime = { seconds: 1_800_000_000, nanos: 0 };

/** What has a key: a generation unless it says otherwise. */
interface Found {
  argument: unknown;
  name?: string;
  status?: number;
}

interface Memo {
  fields: Record<string, never>;
}

interface Asked {
  execution: { workflowId: string };
}

/**
 * A server without search attributes and without workers, and a generation that another language started and somebody
 * terminated; `late` has `k/late`, from the start or else once that is to be started.
 */
function terminatedAfter(
  argument: unknown,
  { key = 'k', late, comesLater }: { key?: string; late?: Found; comesLater?: true } = {},
) {
  const known = new Map<string, Found>([[key, { argument, status: 5 }]]);
  if (late && !comesLater) known.set(`${key}/late`, late);
  const find = ({ execution: { workflowId } }: Asked) => {
    const { argument, name = generationWorkflowType, status = 1 } = known.get(workflowId) ?? {};
    if (!known.has(workflowId)) return Promise.reject(new WorkflowNotFoundError('none', workflowId, undefined));
    const type = { name };
    const execution = { workflowId, runId: workflowId === key ? 'run' : 'found run' };
    const input = { payloads: [defaultPayloadConverter.toPayload(argument)] };
    const event = { eventTime: startTime, workflowExecutionStartedEventAttributes: { workflowType: type, input } };
    const run = { workflowExecutionInfo: { execution, type, status, startTime }, pendingActivities: [] };
    return Promise.resolve({ ...run, history: { events: [event] } });
  };
  const orders: unknown[] = [];
  let told: object = {};
  const startWorkflowExecution = ({ input, memo }: { input: { payloads: [never] }; memo?: Memo }) => {
    told = Object.fromEntries(
      Object.entries(memo?.fields ?? {}).map(([name, field]) => [name, defaultPayloadConverter.fromPayload(field)]),
    );
    if (late) known.set(`${key}/late`, late);
    if (late && (late.status ?? 1) === 1) return Promise.resolve({ runId: 'found run', started: false });
    orders.push(defaultPayloadConverter.fromPayload(input.payloads[0]));
    return Promise.resolve({ runId: 'late run', started: true });
  };
  const ended = new WorkflowFailedError(
    'failed',
    new TerminatedFailure('terminated'),
    RetryState.NON_RETRYABLE_FAILURE,
  );
  const unanswered = new QueryNotRegisteredError('no worker', 3);
  const client = {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: [] },
    },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: {
      result: () => Promise.reject(ended),
      getHandle: () => ({ query: () => Promise.reject(unanswered) }),
      connection: { workflowService: { startWorkflowExecution } },
      options: {},
    },
    workflowService: {
      describeWorkflowExecution: find,
      describeTaskQueue: () => Promise.resolve({ pollers: [] }),
      getWorkflowExecutionHistory: find,
    },
  } as unknown as Client;
  return { client, orders, memo: () => told };
}

describe('a generation that another language started', () => {
  it.each([
    ['no request id', { ...order, requestId: null }, 'no request id of it is known'],
    ['an empty request id', { ...order, requestId: '' }, 'no request id of it is known'],
    ['a request id that is none', { ...order, requestId: 7 }, 'no request id of it is known'],
    ['no model', { ...order, model: null, requestId: 'r-1' }, 'it was started without a valid model id'],
  ])('has no late result where it names %s, and nothing is ordered for one', async (_, argument, why) => {
    const { client, orders } = terminatedAfter(argument);
    const message = `generation "k" has no late result: ${why}`;
    await expect(startLate(client, 'runcomfy', 'k')).rejects.toMatchObject({ type: 'NoLateResult', message });
    expect(orders).toEqual([]);
  });

  it('has its late result fetched by the request id that it names', async () => {
    const { client, orders } = terminatedAfter({ ...order, requestId: 'r-1', deadlineMs: null });
    expect(await startLate(client, 'runcomfy', 'k')).toMatchObject({ key: 'k/late', attached: false });
    expect(orders).toEqual([{ ...order, requestId: 'r-1' }]);
  });

  it('has told in the memo of its late result whose that is, and who asked for it', async () => {
    const { client, memo } = terminatedAfter({ ...order, requestId: 'r-1' });
    await startLate(client, 'runcomfy', 'k', { keyTenant: 'acme', caller: { by: 'key 1', via: 'gateway' } });
    expect(memo()).toEqual({ tenant: 'acme', by: 'key 1', via: 'gateway' });
  });

  it('has its late result told to the webhook that is named for it, and fetched where its key leaves no room for that', async () => {
    const webhook = { url: 'https://hooks.example/', secret: 'acme' };
    const { client, orders } = terminatedAfter({ ...order, requestId: 'r-1' });
    await startLate(client, 'runcomfy', 'k', { webhook });
    expect(orders).toEqual([{ ...order, requestId: 'r-1', webhook }]);
    const key = 'k'.repeat(200);
    const long = terminatedAfter({ ...order, requestId: 'r-1' }, { key });
    const untold = [expect.stringMatching(/^the webhook is told nothing: .* has 205 characters and may have 180/)];
    const started = await startLate(long.client, 'runcomfy', key, { webhook });
    expect(started).toMatchObject({ attached: false, notices: untold });
    expect(long.orders).toEqual([{ ...order, requestId: 'r-1' }]);
  });

  const ofAnother = { ...order, requestId: 'r-2' };
  it.each<[string, Parameters<typeof terminatedAfter>[1]]>([
    ['an order of its own runs', { late: { argument: order } }],
    ['an order of its own has failed', { late: { argument: order, status: 3 } }],
    ['what takes over another request runs', { late: { argument: ofAnother } }],
    ['a pipeline runs', { late: { argument: {}, name: pipelineWorkflowType } }],
    ['another order is started first', { late: { argument: order }, comesLater: true }],
  ])('has no late result where under the key of it %s, and nothing is started', async (_, late) => {
    const { client, orders } = terminatedAfter({ ...order, requestId: 'r-1' }, late);
    const refused = { type: 'NoLateResult', key: 'k', requestId: 'r-1' };
    await expect(startLate(client, 'runcomfy', 'k')).rejects.toMatchObject(refused);
    expect(orders).toEqual([]);
  });

  it('names the request whose late result has a longer key than every database keeps, and starts nothing', async () => {
    const argument = { ...order, requestId: 'r-1' };
    const long = { key: 'k'.repeat(251) };
    const { client, orders } = terminatedAfter(argument, long);
    await expect(startLate(client, 'runcomfy', long.key)).rejects.toMatchObject({
      type: 'NoLateResult',
      requestId: 'r-1',
      message: expect.stringMatching(
        / has 256 characters and may have 255: .*; take over its request r-1 under another key, by its `requestId`$/,
      ) as string,
    });
    expect(orders).toEqual([]);
    const { client: kept } = terminatedAfter(argument, { ...long, late: { argument } });
    expect(await startLate(kept, 'runcomfy', long.key)).toMatchObject({ attached: true, runId: 'found run' });
    const fitting = 'k'.repeat(250);
    const { client: other } = terminatedAfter(argument, { key: fitting });
    expect(await startLate(other, 'runcomfy', fitting)).toMatchObject({ key: `${fitting}/late`, attached: false });
  });

  it('attaches to what takes its request over, and to that alone', async () => {
    const argument = { ...order, input: {}, requestId: 'r-1' };
    const { client } = terminatedAfter(argument, { late: { argument } });
    const attached = { key: 'k/late', runId: 'found run', attached: true };
    expect(await startLate(client, 'runcomfy', 'k')).toMatchObject(attached);
    const { client: other, orders } = terminatedAfter(argument, { late: { argument, status: 3 } });
    expect(await startLate(other, 'runcomfy', 'k')).toMatchObject({ runId: 'late run', attached: false });
    expect(orders).toEqual([argument]);
    const earlier = { argument: ofAnother, status: 3 };
    const { client: later, orders: followed } = terminatedAfter(argument, { late: earlier });
    expect(await startLate(later, 'runcomfy', 'k')).toMatchObject({ runId: 'late run', attached: false });
    expect(followed).toEqual([argument]);
  });

  it('has its late result fetched without its input where that leaves no room for the request id', async () => {
    const prompt = 'x'.repeat(2_080_768 - JSON.stringify({ ...order, input: { prompt: '' } }).length);
    const { client, orders } = terminatedAfter({ ...order, input: { prompt }, requestId: 'r-1' });
    expect(await startLate(client, 'runcomfy', 'k')).toMatchObject({ key: 'k/late', attached: false });
    expect(orders).toEqual([{ ...order, input: {}, requestId: 'r-1' }]);
  });

  it.each([null, '', 7, ['r-1'], {}])('is never told as accepted by request id %j', async (requestId) => {
    const { client } = terminatedAfter({ ...order, requestId });
    const told = await describeGeneration(client, 'k');
    expect(told).not.toHaveProperty('requestId');
    expect(told.ending).toMatchObject({ state: { submission: 'unknown' }, isTerminated: true });
    expect(wordsOf(told)).toEqual({
      status: 'completed',
      result: 'failed',
      error: 'terminated in Temporal; RunComfy was not told; RunComfy may bill it',
    });
  });

  it.each([31_536_000_000_000_000, 1e20, -1e20, 1.5, '5', null, [5]])(
    'is read whatever its deadline is: %j',
    async (deadlineMs) => {
      const { client } = terminatedAfter({ ...order, deadlineMs });
      const { deadlineAt } = await readServerState(client, await describeRun(client, 'k'));
      expect(Date.parse(deadlineAt) - startTime.seconds * 1_000).toBe(86_400_000);
    },
  );

  it('has no delivery told that could not be carried out', async () => {
    const { client } = terminatedAfter({ webhookId: 'w', url: 7, body: null });
    const { workflowService } = client;
    const describeWorkflowExecution = ({ execution }: { execution: { workflowId: string } }) => {
      const name = execution.workflowId === 'k' ? generationWorkflowType : webhookWorkflowType;
      return Promise.resolve({
        workflowExecutionInfo: { execution, type: { name }, startTime },
        pendingActivities: [],
      });
    };
    Object.assign(workflowService, { describeWorkflowExecution });
    expect(await createWebhookClient(client, 'runcomfy').list('k')).toEqual([]);
  });
});
