import type { Client } from '@temporalio/client';
import type { CostReport } from '../../domain/costs.ts';
import type { GenerationRequest, GenerationResult } from '../../domain/generation.ts';
import { defaultTaskQueue } from '../../domain/names.ts';
import type { InputOf } from '../../runcomfy/models/index.ts';
import type { WaitOptions } from '../await-end.ts';
import { type BatchClient, createBatchClient } from '../batch/batch-client.ts';
import { type BudgetClient, createBudgetClient } from '../budget/budget-client.ts';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { type CostQuestion, readCosts } from '../costs/read-costs.ts';
import { createPipelineClient, type PipelineClient } from '../pipeline/pipeline-client.ts';
import { createScheduleClient, type ScheduleClient } from '../schedule/schedule-client.ts';
import { createWebhookClient, type WebhookClient } from '../webhook/webhook-client.ts';
import { checkKey } from './check-arguments.ts';
import { type LateOptions, startLate } from './following/collect-late.ts';
import { type ListedGeneration, type ListFilter, listGenerations } from './following/list-generations.ts';
import { createHandle, type GenerationHandle } from './generation-handle.ts';
import { describeRun } from './run-info.ts';
import { refuseOtherType } from './starting/compare-requests.ts';
import { startGeneration, type StartOptions } from './starting/start-generation.ts';

/** Options of the client. */
export interface GenerationClientOptions {
  /** A connected client of `@temporalio/client`; its namespace, codecs and interceptors are used. */
  client: Client;
  /** The task queue of the workers; default `runcomfy`. */
  taskQueue?: string | undefined;
  /**
   * The API that workers send orders to. If it is a simulator on loopback, URLs of its own outputs are accepted as
   * inputs.
   */
  modelApiBase?: string | undefined;
}

/** An order whose input is typed if its model is bundled. */
export type TypedRequest<Model extends string> = Omit<GenerationRequest, 'model' | 'input'> & {
  model: Model;
} & ({ input: InputOf<Model> } | { requestId: string; input?: InputOf<Model> });

/** Starts generations and finds them again, from any process. */
export interface GenerationClient {
  /** Starts a generation, or attaches to the one that has the same key; never submits twice under one key. */
  start: <Model extends string>(request: TypedRequest<Model>, options?: StartOptions) => Promise<GenerationHandle>;
  /** The newest generation of a key; throws `KeyNotFound` if Temporal knows none. */
  get: (key: string) => Promise<GenerationHandle>;
  /** Waits for the result of a key. */
  result: (key: string, options?: WaitOptions) => Promise<GenerationResult>;
  /** Fetches what RunComfy produced for a generation after it was given up here, as generation `<key>/late`. */
  collectLate: (key: string, options?: LateOptions) => Promise<GenerationHandle>;
  /** Generations: first the open ones, newest start first, then the ended ones, newest end first. */
  list: (filter?: ListFilter) => AsyncIterable<ListedGeneration>;
  /**
   * What orders have cost, by model, day (UTC) or label; each request of RunComfy counts once, even if several
   * generations followed it.
   */
  costs: (question: CostQuestion) => Promise<CostReport>;
  /** Pipelines: plans of generations that belong together. */
  pipelines: PipelineClient;
  /** Budgets: spending limits that orders share. */
  budgets: BudgetClient;
  /** Schedules: orders that are repeated. */
  schedules: ScheduleClient;
  /** Batches: many orders with a limit on how many run at a time. */
  batches: BatchClient;
  /** Webhooks: what they were told of a generation, and whether it arrived. */
  webhooks: WebhookClient;
}

/** Makes the client of this library from a Temporal client. */
export function createGenerationClient({
  client,
  taskQueue = defaultTaskQueue,
  modelApiBase,
}: GenerationClientOptions): GenerationClient {
  const get = (key: string): Promise<GenerationHandle> =>
    withClientErrors(key, async () => {
      checkKey(key);
      const { runId, firstRunId, workflowType } = await describeRun(client, key);
      refuseOtherType(key, workflowType);
      return createHandle(client, {
        key,
        runId,
        firstRunId,
        attached: true,
        notices: [],
      });
    });
  return {
    start: (request, options) =>
      withClientErrors(options?.key ?? '', async () =>
        createHandle(client, await startGeneration(client, taskQueue, request, options, { modelApiBase })),
      ),
    get,
    result: async (key, options) => (await get(key)).result(options),
    collectLate: (key, options) =>
      withClientErrors(key, async () => {
        checkKey(key);
        return createHandle(client, await startLate(client, taskQueue, key, options));
      }),
    list: (filter) => eachWithClientErrors('', () => listGenerations(client, filter)),
    costs: (question) => withClientErrors('', () => readCosts(client, question)),
    budgets: createBudgetClient(client, taskQueue),
    schedules: createScheduleClient({ client, taskQueue, modelApiBase }),
    batches: createBatchClient({ client, taskQueue, modelApiBase }),
    webhooks: createWebhookClient(client, taskQueue),
    pipelines: createPipelineClient({ client, taskQueue, modelApiBase, generations: { get } }),
  };
}
