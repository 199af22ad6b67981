import { wellFormed } from './text.ts';

// Temporal names that other services rely on: changing one changes the public contract.

/** Workflow type of one generation. */
export const generationWorkflowType = 'runcomfyGeneration';

/** Workflow type of a pipeline of generations, and the memo field that carries the short form of its state. */
export const pipelineWorkflowType = 'runcomfyPipeline';

/** Queries, signals and updates of a pipeline. `cancel` and `decide` are signals and updates. */
export const pipelineMessageNames = { state: 'state', cancel: 'cancel', decide: 'decide' } as const;

/** Workflow type of a batch of orders, and the memo field that carries the short form of its state. */
export const batchWorkflowType = 'runcomfyBatch';

/** Workflow type of a page that a batch stores in Temporal, holding items or result lines. Internal. */
export const batchPageWorkflowType = 'runcomfyBatchPage';

/** Queries, signals and updates of a batch. `pause`, `resume` and `cancel` are signals and updates. */
export const batchMessageNames = {
  state: 'state',
  results: 'results',
  add: 'add',
  seal: 'seal',
  pause: 'pause',
  resume: 'resume',
  set: 'set',
  cancel: 'cancel',
} as const;

/**
 * Failure type with which a Temporal server rejects an update that the worker did not respond to in its workflow task.
 * The server keeps nothing of the update, so it may be sent again under the same id.
 */
export const unheardUpdateType = 'UnprocessedUpdate';

/**
 * Longest Workflow ID, in characters, that every database of a Temporal server can store: the limit of PostgreSQL and
 * MySQL.
 */
export const maxWorkflowIdLength = 255;

/**
 * Says that a name is too long for some databases. `maxLength` is smaller for names that longer ones are built from.
 */
export function tooLong(length: number, maxLength = maxWorkflowIdLength): string {
  return `has ${String(length)} characters and may have ${String(maxLength)}: Temporal's database keeps ${String(maxWorkflowIdLength)} of a name, and of those made of it`;
}

/** Names what a Workflow ID, or any part of one, must not contain; undefined if `name` contains nothing of the kind. */
export function unkeepableIn(name: string): string | undefined {
  // Temporal would store it under a changed name, so it could not be found again.
  if (name !== wellFormed(name)) return 'half a character (a lone surrogate)';
  return name.includes('\0') ? 'a NUL character' : undefined;
}

/** Workflow ID of a batch's page. */
export function batchPageKey(key: string, kind: 'items' | 'results', page: number): string {
  return `runcomfy-batch-page:${key}:${kind}-${String(page)}`;
}

/** Longest key of a batch, in characters, such that the Workflow IDs of all its pages can be stored. */
export const maxBatchKeyLength = maxWorkflowIdLength - batchPageKey('', 'results', 999_999).length;

/** Key of the generation or pipeline that a batch item orders. */
export function batchItemKey(key: string, id: string): string {
  return `${key}/${id}`;
}

/** Memo key of an item's order; its value says which batch and which place in it the order was made for. */
export const batchItemMemoKey = 'runcomfyBatchItem';

/** Queries, signals and updates of a generation. `cancel` is a signal and an update; `requestAccepted` is internal. */
export const messageNames = {
  state: 'state',
  cancel: 'cancel',
  nudge: 'nudge',
  watch: 'watch',
  resolveSubmission: 'resolveSubmission',
  requestAccepted: 'requestAccepted',
} as const;

/** Task queue of workflows and reads, unless `RUNCOMFY_TASK_QUEUE` names another. */
export const defaultTaskQueue = 'runcomfy';

const submitQueueSuffix = '-submit';

/** Task queue for submits only, so that they can be rate limited separately. */
export function submitTaskQueue(taskQueue: string): string {
  return `${taskQueue}${submitQueueSuffix}`;
}

/** Workflow type of the delivery of one webhook event. */
export const webhookWorkflowType = 'runcomfyWebhook';

/** Queries and signals of a delivery. */
export const webhookMessageNames = { delivery: 'delivery', retryNow: 'retryNow' } as const;

/** Task queue of webhook deliveries, so that slow receivers take no slots from reads. */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}

/** Memo key of workflows started by a tenant of the gateway; its value is the tenant's name. */
export const tenantMemoKey = 'tenant';

/**
 * Memo keys of workflows started through one of our own interfaces. `by`: the id of the API key, or the subject of the
 * token; `via`: the interface, e.g. `gateway`.
 */
export const callerMemoKeys = { by: 'by', via: 'via' } as const;

/**
 * Memo key of workflows started by `retry: 'if-unbilled'`, and of a batch that is run again; its value is the id of the
 * run that they follow.
 */
export const retryOfRunMemoKey = 'retryOfRunId';

/** Workflow ID of the generation that collects the late result of `key`. */
export function lateKey(key: string): string {
  return `${key}/late`;
}

/** Temporal's own search attribute for the schedule that started a workflow. */
export const scheduledByAttribute = 'TemporalScheduledById';

/** Our search attributes and their Temporal types. Set if the server knows them, never required. */
export const searchAttributes = {
  RunComfyModel: 'Keyword',
  RunComfyRequestId: 'Keyword',
  RunComfyPhase: 'Keyword',
  RunComfyCostUsd: 'Double',
  RunComfyQueueMs: 'Int',
  RunComfyRunMs: 'Int',
  RunComfyLabels: 'KeywordList',
} as const;

/** One of `searchAttributes`. */
export type SearchAttributeName = keyof typeof searchAttributes;

/** The names of all our search attributes. */
export const searchAttributeNames = Object.keys(searchAttributes) as SearchAttributeName[];

/** What a worker reports about the server's search attributes. */
export interface KnownAttributes {
  /** Our search attributes that the server knows. */
  searchAttributes: string[];
  /** The server time this is known for, ISO 8601; it may have changed since. Missing from workers of older versions. */
  searchAttributesAsOf?: string;
}
