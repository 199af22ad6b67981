import { randomUUID } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { parseBatchRequest } from '../../../domain/batch/batch-request.ts';
import { batchDefaults, type BatchRequest } from '../../../domain/batch/batch.ts';
import { batchWorkflowType, maxBatchKeyLength, retryOfRunMemoKey } from '../../../domain/names.ts';
import { parsePlan } from '../../../plans/parse-plan.ts';
import { checkNewKey } from '../../generation/check-arguments.ts';
import { readOriginalRequest } from '../../generation/original-request.ts';
import { describeRun } from '../../generation/run-info.ts';
import type { CheckOptions } from '../../generation/starting/check-request.ts';
import { startUnlessEnded } from '../../generation/starting/start-workflow.ts';
import { toJsonText } from '../../generation/starting/to-json.ts';
import { labelNotices, type StartLabels, toLabelMemo } from '../../start-labels.ts';
import { type StartPriority, toPriority } from '../../start-priority.ts';
import { refuseBatch, refuseNoBatch } from '../batch-errors.ts';
import { findOrderIssues } from '../check-items.ts';
import { compareBatches } from './compare-batches.ts';

/** Options of starting a batch. */
export interface BatchStartOptions extends StartPriority, StartLabels {
  /** Workflow ID of the batch; the same key attaches and never orders twice. Default `batch-<uuid>`. */
  key?: string | undefined;
  /** Never starts anything: attaches to the batch of this key, or throws `KeyNotFound`. */
  attachOnly?: boolean | undefined;
}

/** A batch that was started, or found. */
export interface StartedBatch {
  key: string;
  runId: string;
  /** The first run of its chain, the same however often it continues as new; missing if Temporal does not say. */
  firstRunId?: string | undefined;
  /** This call started nothing: the batch was there before. */
  attached: boolean;
  /** Sentences that the caller should know of. */
  notices: string[];
}

const maxBatchBytes = 1_800_000;

/**
 * Starts a batch under a key, or attaches to the existing one. If its last run was terminated or timed out it is run
 * again, and finds its items under their keys.
 */
export async function startBatch(
  client: Client,
  taskQueue: string,
  given: BatchRequest,
  {
    key = `batch-${randomUUID()}`,
    priority = batchDefaults.priority,
    labels,
    attachOnly,
    ...precedence
  }: BatchStartOptions = {},
  { modelApiBase }: Pick<CheckOptions, 'modelApiBase'> = {},
): Promise<StartedBatch> {
  checkNewKey(key, maxBatchKeyLength);
  const request = await checkBatchRequest(given, key, { modelApiBase, isLookedFor: attachOnly });
  const own = { ...toPriority({ priority, ...precedence }, key), ...toLabelMemo({ labels }, key) };
  const options = { taskQueue, args: [request], workflowId: key, ...own };
  const start = (workflowIdReusePolicy: 'REJECT_DUPLICATE' | 'ALLOW_DUPLICATE', more: Pick<typeof own, 'memo'> = {}) =>
    startUnlessEnded(client, batchWorkflowType, { ...options, ...more, workflowIdReusePolicy });
  const first = attachOnly ? undefined : await start('REJECT_DUPLICATE');
  if (first?.isNew) return newBatch(key, first.runId, []);
  const last = await describeRun(client, key);
  refuseNoBatch(key, last.workflowType);
  const original = await readOriginalRequest(client, key, last.runId);
  const notices = compareBatches(key, original, request);
  if (!attachOnly && (last.status === 'terminated' || last.status === 'timed_out')) {
    const again = await start('ALLOW_DUPLICATE', { memo: { ...own.memo, [retryOfRunMemoKey]: last.runId } });
    if (again?.isNew) {
      const notice = `the last run of "${key}" was ended from outside: it is run again, and finds what was ordered`;
      return newBatch(key, again.runId, [...compareBatches(key, original, request, true), notice]);
    }
  }
  const run = await describeRun(client, key);
  const { runId, firstRunId } = run;
  const ofLabels = await labelNotices(client, run, labels);
  return { key, runId, firstRunId, attached: true, notices: [...notices, ...ofLabels] };
}

function newBatch(key: string, runId: string, notices: string[]): StartedBatch {
  return { key, runId, firstRunId: runId, attached: false, notices };
}

/**
 * Checks a request and returns it as plain JSON; throws `InvalidInput` with every problem that can be found without a
 * catalogue.
 */
export async function checkBatchRequest(
  given: BatchRequest,
  key: string,
  { modelApiBase, isLookedFor = false }: CheckOptions = {},
): Promise<BatchRequest> {
  const json = toJsonText(given);
  if ('issues' in json) throw refuseBatch(key, json.issues);
  const bytes = Buffer.byteLength(json.text);
  if (bytes > maxBatchBytes) {
    const message = `has ${String(bytes)} bytes and may have ${String(maxBatchBytes)}; add the items in parts`;
    throw refuseBatch(key, [{ path: 'request', message }]);
  }
  const parsed = parseBatchRequest(JSON.parse(json.text));
  if (!parsed.ok) throw refuseBatch(key, parsed.issues);
  const { request } = parsed;
  if (isLookedFor) return request;
  const { items = [], defaults, plan } = request;
  const issues = await findOrderIssues(items, { defaults, plan, modelApiBase });
  // Without items, only the shape of the plan can be checked.
  const read = plan && items.length === 0 ? parsePlan(plan) : undefined;
  if (read && !read.ok)
    issues.push(...read.issues.map((issue) => ({ ...issue, path: `request.plan${issue.path.slice(1)}` })));
  if (issues.length > 0) throw refuseBatch(key, issues);
  return request;
}
