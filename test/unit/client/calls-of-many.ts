import type { Client } from '@temporalio/client';
import { createBatchHandle } from '../../../client/batch/batch-handle.ts';
import type {
  BatchClient,
  BatchHandle,
  BudgetClient,
  GenerationClient,
  PipelineClient,
  PipelineHandle,
  ScheduleClient,
  WebhookClient,
} from '../../../client/index.ts';
import { createPipelineHandle } from '../../../client/pipeline/pipeline-handle.ts';

/** Every method of a face, as a call; the compiler asks for one when a method is added. */
export type Calls<Face> = {
  [Method in keyof Face as Face[Method] extends (...args: never[]) => unknown ? Method : never]-?: () => unknown;
};

const still = { model: 'blackforestlabs/flux-2/flash/text-to-image', input: { prompt: 'a cat' } };
const plan = { version: 1, steps: { still } };

/** Every call of pipelines, batches, budgets, schedules and webhooks. */
export function callsOfMany(client: Client, generations: GenerationClient): Record<string, () => unknown> {
  const { pipelines, batches, budgets, schedules, webhooks } = generations;
  const started = { key: 'k', runId: 'run', firstRunId: 'run', attached: true, notices: [] };
  const pipeline = createPipelineHandle(client, started);
  const batch = createBatchHandle({ client, taskQueue: 'runcomfy' }, started);
  const item = { id: '1', ...still };
  const order = { generation: { ...still, maxCostUsd: 1 } };
  const ofPipelines: Calls<PipelineClient> = {
    start: () => pipelines.start({ plan }, { key: 'k' }),
    get: () => pipelines.get('k'),
    preview: () => pipelines.preview({ plan }, { key: 'k' }),
    result: () => pipelines.result('k', { patienceMs: 0 }),
    list: () => first(pipelines.list()),
  };
  const ofPipeline: Calls<PipelineHandle> = {
    result: () => pipeline.result({ patienceMs: 0 }),
    state: () => pipeline.state(),
    isEnded: () => pipeline.isEnded(),
    cancel: () => pipeline.cancel({ reason: 'why' }, { timeoutMs: 2_000 }),
    decide: () => pipeline.decide({ step: 'pick', decision: 'approve' }),
    watch: () => first(pipeline.watch({ patienceMs: 0 })),
  };
  const ofBatches: Calls<BatchClient> = {
    start: () => batches.start({ items: [item] }, { key: 'k' }),
    get: () => batches.get('k'),
    result: () => batches.result('k', { patienceMs: 0 }),
    list: () => first(batches.list()),
  };
  const ofBatch: Calls<BatchHandle> = {
    result: () => batch.result({ patienceMs: 0 }),
    state: () => batch.state(),
    isEnded: () => batch.isEnded(),
    watch: () => first(batch.watch({ patienceMs: 0 })),
    defaults: () => batch.defaults(),
    plan: () => batch.plan(),
    budgets: () => batch.budgets(),
    add: () => batch.add({ from: 0, items: [item] }),
    addAll: () => batch.addAll([item]),
    seal: () => batch.seal(),
    pause: () => batch.pause('why'),
    resume: () => batch.resume(),
    set: () => batch.set({ window: 5 }),
    cancel: () => batch.cancel({ reason: 'why' }, { timeoutMs: 2_000 }),
    results: () => first(batch.results()),
    items: () => first(batch.items()),
  };
  const ofBudgets: Calls<BudgetClient> = {
    create: () => budgets.create({ name: 'acme', limitUsd: 5 }),
    state: () => budgets.state('acme'),
    set: () => budgets.set('acme', { limitUsd: 5 }),
    reservations: () => first(budgets.reservations('acme')),
    release: () => budgets.release('acme', 'k', 'why'),
    close: () => budgets.close('acme'),
    list: () => first(budgets.list()),
  };
  const ofSchedules: Calls<ScheduleClient> = {
    create: () => schedules.create({ name: 'k', everyMs: 3_600_000, order }),
    list: () => first(schedules.list()),
    get: () => schedules.get('k'),
    pause: () => schedules.pause('k'),
    resume: () => schedules.resume('k'),
    trigger: () => schedules.trigger('k'),
    delete: () => schedules.delete('k'),
  };
  const ofWebhooks: Calls<WebhookClient> = {
    list: () => webhooks.list('k'),
    replay: () => webhooks.replay('k', 'generation.failed'),
  };
  return {
    ...prefixed('pipeline', ofPipelines),
    ...prefixed('pipeline.handle', ofPipeline),
    ...prefixed('batch', ofBatches),
    ...prefixed('batch.handle', ofBatch),
    ...prefixed('budget', ofBudgets),
    ...prefixed('schedule', ofSchedules),
    ...prefixed('webhook', ofWebhooks),
  };
}

/** The first of what comes one after the other. */
export async function first(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item;
  return undefined;
}

/** Names calls by their face. */
export function prefixed(prefix: string, calls: object): Record<string, () => unknown> {
  return Object.fromEntries(Object.entries(calls).map(([name, call]) => [`${prefix}.${name}`, call as () => unknown]));
}
