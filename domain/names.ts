import { wellFormed } from './text.ts';

// Temporal names that other services rely on: a change here is a change of the public contract.

/** Workflow type of one generation. */
export const generationWorkflowType = 'runcomfyGeneration';

/** Workflow type of a pipeline of generations, and the memo field that carries the short form of its state. */
export const pipelineWorkflowType = 'runcomfyPipeline';

/** Queries, signals and updates of a pipeline. `cancel` and `decide` are signals and updates. */
export const pipelineMessageNames = { state: 'state', cancel: 'cancel', decide: 'decide' } as const;

/** Workflow type of a batch of orders, and the memo field that carries the short form of its state. */
export const batchWorkflowType = 'runcomfyBatch';

/** Workflow type of what a batch keeps in Temporal: a page of its items, or of its result lines. Internal. */
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
 * Failure type by which a Temporal server refuses an update that a worker left out of its task. It keeps nothing of it: the
 * update may be sent again, by the same id.
 */
export const unheardUpdateType = 'UnprocessedUpdate';

/** Characters of a Workflow ID that every database of a Temporal server keeps; PostgreSQL and MySQL keep no more. */
export const maxWorkflowIdLength = 255;

/** What is wrong with a name, or one that longer names are made of, that is longer than what every database keeps. */
export function tooLong(length: number, maxLength = maxWorkflowIdLength): string {
  return `has ${String(length)} characters and may have ${String(maxLength)}: Temporal's database keeps ${String(maxWorkflowIdLength)} of a name, and of those made of it`;
}

/** What no Workflow ID can hold, nor anything it is made of; undefined: it holds nothing of that. */
export function unkeepableIn(name: string): string | undefined {
  // Temporal would keep it under another name, and nobody would find it again.
  if (name !== wellFormed(name)) return 'half a character (a lone surrogate)';
  return name.includes('\0') ? 'a NUL character' : undefined;
}

/** Workflow ID of a page of a batch. */
export function batchPageKey(key: string, kind: 'items' | 'results', page: number): string {
  return `runcomfy-batch-page:${key}:${kind}-${String(page)}`;
}

/** The longest key of a batch whose pages all have names that are kept. */
export const maxBatchKeyLength = maxWorkflowIdLength - batchPageKey('', 'results', 999_999).length;

/** Key of the generation, or the pipeline, of an item of a batch. */
export function batchItemKey(key: string, id: string): string {
  return `${key}/${id}`;
}

/** Memo key of an item's order: which place of which batch it was made for. */
export const batchItemMemoKey = 'runcomfyBatchItem';

/** Queries, signals and updates of one generation. `cancel` is a signal and an update; `requestAccepted` is internal. */
export const messageNames = {
  state: 'state',
  cancel: 'cancel',
  nudge: 'nudge',
  watch: 'watch',
  resolveSubmission: 'resolveSubmission',
  requestAccepted: 'requestAccepted',
} as const;

/** Task queue of workflows and reads unless `RUNCOMFY_TASK_QUEUE` says otherwise. */
export const defaultTaskQueue = 'runcomfy';

const submitQueueSuffix = '-submit';

/** Task queue of submits alone: it is the one that is rate limited. */
export function submitTaskQueue(taskQueue: string): string {
  return `${taskQueue}${submitQueueSuffix}`;
}

/** Workflow type of the delivery of one event. */
export const webhookWorkflowType = 'runcomfyWebhook';

/** Queries and signals of a delivery. */
export const webhookMessageNames = { delivery: 'delivery', retryNow: 'retryNow' } as const;

/** Task queue of deliveries: slow receivers hold no slot of a read. */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}

/** Memo key of what a gateway's tenant started; its value is the tenant's name. */
export const tenantMemoKey = 'tenant';

/** Memo keys of what came by a face of ours: the id of the API key, or whom a token names; and the face. */
export const callerMemoKeys = { by: 'by', via: 'via' } as const;

/** Memo key of what `retry: 'if-unbilled'` has started, and of a batch that is run again; its value is the run it follows. */
export const retryOfRunMemoKey = 'retryOfRunId';

/** Workflow ID under which the late result of generation `key` is collected. */
export function lateKey(key: string): string {
  return `${key}/late`;
}

/** Search attribute of Temporal's own: the schedule that started a workflow. */
export const scheduledByAttribute = 'TemporalScheduledById';

/** Search attributes and their Temporal types. Set where the server knows them, never required. */
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

/** What a worker tells of the server's search attributes. */
export interface KnownAttributes {
  /** Those of ours that the server knows. */
  searchAttributes: string[];
  /** Since when that may have changed, by the server's clock, ISO 8601. Missing: an older version tells it. */
  searchAttributesAsOf?: string;
}
