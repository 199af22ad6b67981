import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exitCodeOf } from '../../../cli/exit-codes.ts';
import { createHandle } from '../../../client/generation/generation-handle.ts';
import { grpcCode } from '../../../client/grpc.ts';
import {
  createGenerationClient,
  type GenerationClient,
  GenerationError,
  type GenerationErrorType,
  type GenerationHandle,
  isGenerationError,
} from '../../../client/index.ts';
import * as operator from '../../../client/operator/index.ts';
import { type Calls, callsOfMany, first, prefixed } from './calls-of-many.ts';

/** What asks no server is left out; `asOneCall` and `watchChanges` call what they are given. */
type OperatorCalls = Omit<
  Calls<typeof operator>,
  | 'toClientError'
  | 'grpcCodeOf'
  | 'isConnectionClosed'
  | 'isClosed'
  | 'isComparable'
  | 'plainBeginning'
  | 'asOneCall'
  | 'watchChanges'
  | 'decodePayload'
>;

const nouns = new Set(['pipeline', 'batch', 'schedule']);
const order = { model: 'a/b', input: { prompt: 'a cat' } };

/** Every call that a user of the package can make; the compiler asks for one when a method is added. */
function everyCall(client: Client): Record<string, () => unknown> {
  const generations = createGenerationClient({ client });
  const handle = createHandle(client, { key: 'k', runId: 'run', attached: true, notices: [] });
  const ofClient: Calls<GenerationClient> = {
    start: () => generations.start(order, { key: 'k' }),
    get: () => generations.get('k'),
    result: () => generations.result('k', { patienceMs: 0 }),
    collectLate: () => generations.collectLate('k'),
    list: () => first(generations.list({ phase: 'failed' })),
    costs: () => generations.costs({ by: 'model' }),
  };
  const ofHandle: Calls<GenerationHandle> = {
    result: () => handle.result({ patienceMs: 0 }),
    state: () => handle.state(),
    isEnded: () => handle.isEnded(),
    cancel: () => handle.cancel('why', { timeoutMs: 2_000 }),
    nudge: () => handle.nudge(),
    resolveSubmission: () => handle.resolveSubmission({ action: 'abandon' }),
    watch: () => first(handle.watch({ patienceMs: 0 })),
  };
  const ofOperator: OperatorCalls = {
    createSearchAttributes: () => operator.createSearchAttributes(client, ['RunComfyModel']),
    inspectSearchAttributes: () => operator.inspectSearchAttributes(client),
    describeQueue: () => operator.describeQueue(client, 'runcomfy', 'workflow'),
    listPollers: () => operator.listPollers(client, 'runcomfy', 'activity'),
    describeGeneration: () => operator.describeGeneration(client, 'k'),
    countGenerations: () => operator.countGenerations(client),
    countPipelines: () => operator.countPipelines(client),
    countBatches: () => operator.countBatches(client),
    countBudgets: () => operator.countBudgets(client, { namePrefix: 'acme.' }),
    listBudgetNames: () => operator.listBudgetNames(client, {}, { limit: 1 }),
    readOpenBudget: () => operator.readOpenBudget(client, 'b'),
    listGenerationPage: () => operator.listGenerationPage(client, {}, { limit: 1 }),
    listOpenGenerations: () => operator.listOpenGenerations(client, ['k']),
    listPipelinePage: () => operator.listPipelinePage(client, {}, { limit: 1 }),
    listBatchPage: () => operator.listBatchPage(client, {}, { limit: 1 }),
    isRequestOfOthers: () => operator.isRequestOfOthers(client, 'r', { key: 'k', keyPrefix: 'acme/' }),
    readRequest: () => operator.readRequest(client, 'k', 'run'),
    findRun: () => operator.findRun(client, 'k'),
    findRuns: () => first(operator.findRuns(client, 'x')),
    findFailingGenerations: () => operator.findFailingGenerations(client, 'runcomfy'),
    findSpentBudgets: () => operator.findSpentBudgets(client),
    findWaitingAtWall: () => operator.findWaitingAtWall(client),
    findUnattendedQueues: () => operator.findUnattendedQueues(client, 'k'),
    pauseSubmits: () => operator.pauseSubmits(client, 'q'),
    resumeSubmits: () => operator.resumeSubmits(client, 'q'),
    readSubmits: () => operator.readSubmits(client, 'q'),
    explainStandstill: () => operator.explainStandstill(client, 'k'),
    startGenerationBy: () =>
      operator.startGenerationBy(
        client,
        order,
        { key: 'k' },
        {
          taskQueue: 'runcomfy',
          starter: async (workflowType, options) => {
            await client.workflow.start(workflowType, options);
            return { runId: 'run', isNew: true };
          },
        },
      ),
    lookUpOrder: () => operator.lookUpOrder(client, 'k'),
    createPipelineItemOrders: async () => {
      const orders = operator.createPipelineItemOrders({ client, taskQueue: 'runcomfy' });
      const place = { key: 'k', mark: { run: 'r', index: 0 }, again: false, priority: {} };
      const started = await orders.start({ plan: {} }, place);
      if ('failure' in started) throw new GenerationError({ ...started.failure.error, key: 'k' });
    },
    createBatchPages: () => operator.createBatchPages(client, 'runcomfy').write('k', 0, { items: [] }),
    createItemOrders: async () => {
      const orders = operator.createItemOrders({ client, taskQueue: 'runcomfy', generations });
      const place = { key: 'k', mark: { run: 'r', index: 0 }, again: false, priority: {} };
      const started = await orders.start(order, place);
      // What Temporal refuses becomes the line of an item.
      if ('failure' in started) throw new GenerationError({ ...started.failure.error, key: 'k' });
    },
    createKnownGenerations: () =>
      operator.createKnownGenerations(client, generations).follow('k', AbortSignal.timeout(60_000)),
  };
  return {
    ...prefixed('client', ofClient),
    ...prefixed('handle', ofHandle),
    ...prefixed('operator', ofOperator),
    ...callsOfMany(client, generations),
  };
}

const byAttributes = new Set([
  'operator.listOpenGenerations',
  'operator.isRequestOfOthers',
  'operator.createSearchAttributes',
]);

describe('every call of the client', () => {
  it.each<[name: string, code: number, types: GenerationErrorType[], exitCodes: number[]]>(
    Object.entries(grpcCode).map(([name, code]) => {
      if (name === 'invalidArgument') return [name, code, ['InvalidInput', 'NoWorker'], [65, 69]];
      // What a handle was made for was there: it has ended since.
      const gone = ['KeyNotFound', 'ResolutionRefused', 'TemporalUnreachable'] as const;
      if (name === 'notFound') return [name, code, [...gone], [65, 66, 69]];
      // A schedule of the name is there already.
      if (name === 'alreadyExists') return [name, code, ['KeyInUse', 'TemporalUnreachable'], [65, 69]];
      if (['resourceExhausted', 'failedPrecondition', 'aborted'].includes(name))
        return [name, code, ['TemporalBusy'], [75]];
      return [name, code, ['TemporalUnreachable'], [69]];
    }),
  )('names a server that answers %s (gRPC %d)', async (name, code, types, exitCodes) => {
    for (const [call, error] of await failuresOf(await clientOf(await answering(code)))) {
      // A key that nobody has used is what these ask about; a budget that is gone is none of a list.
      if (['pipeline.preview', 'operator.findRun', 'operator.readOpenBudget'].includes(call) && name === 'notFound')
        continue;
      // These answer where the server knows no search attributes of ours, or takes none.
      if (byAttributes.has(call) && name === 'invalidArgument') continue;
      expect(isGenerationError(error), `${call}: ${String(error)}`).toBe(true);
      const { type } = error as { type: GenerationErrorType };
      expect(types, call).toContain(type);
      expect(exitCodes, call).toContain(exitCodeOf(type));
      const [noun = ''] = call.split('.');
      if (type === 'KeyNotFound' && nouns.has(noun)) expect(String(error)).toContain(`there is no ${noun} `);
    }
  });

  it('names a server that is down, and what closed its connection', async () => {
    const closed = await clientOf(await answering(0));
    await closed.connection.close();
    for (const client of [await clientOf('127.0.0.1:1'), closed]) {
      for (const [call, error] of await failuresOf(client)) {
        expect([call, isGenerationError(error) && error.type]).toEqual([call, 'TemporalUnreachable']);
      }
    }
  });
});

async function failuresOf(client: Client): Promise<[string, unknown][]> {
  return Promise.all(
    Object.entries(everyCall(client)).map(async ([name, call]): Promise<[string, unknown]> => [
      name,
      await Promise.resolve()
        .then(call)
        .then(
          () => 'no error',
          (error: unknown) => error,
        ),
    ]),
  );
}

/** Without the SDK's own repeats, which would only take time. */
async function clientOf(address: string): Promise<Client> {
  const connection = Connection.lazy({ address, interceptors: [] });
  onTestFinished(() => connection.close());
  return Promise.resolve(new Client({ connection }));
}

/** A server that answers every call with one gRPC status. */
async function answering(code: number): Promise<string> {
  const server = createServer();
  server.on('stream', (stream) => {
    const headers = {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': 'why',
    };
    stream.respond(headers, { endStream: true });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
