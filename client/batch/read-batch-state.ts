import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { parseBatchRequest } from '../../domain/batch/batch-request.ts';
import {
  batchDefaults,
  type BatchMemo,
  type BatchPhase,
  batchPhases,
  type BatchRequest,
  type BatchState,
  isBatchEnd,
} from '../../domain/batch/batch.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { batchStateQuery } from '../../workflows/batch/messages.ts';
import { decodePayload, undecodable } from '../decode-payload.ts';
import { queryWorker } from '../generation/ask-worker.ts';
import { beginningOf } from '../generation/delayed-start.ts';
import { withoutAnswer } from '../generation/following/standstill.ts';
import { readDecodableRequest } from '../generation/original-request.ts';
import { attributeOf, describeRun, isClosed, type RunInfo } from '../generation/run-info.ts';
import { refuseNoBatch } from './batch-errors.ts';

/** The state of a batch. */
export interface KnownBatchState extends BatchState {
  /** The run that this state belongs to. */
  runId: string;
  /**
   * No worker answered: this is what Temporal itself knows, at most 20 s old while the batch ran; `window` and `sealed`
   * are those that it was started with.
   */
  isFromServer?: true;
  /** Its start is delayed until then, ISO 8601: no worker has been given any of it. */
  beginsAt?: string;
}

const pauseMs = 1_000;
const noCounts: BatchState['counts'] = {
  total: 0,
  waiting: 0,
  inFlight: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  timedOut: 0,
  unknown: 0,
  notStarted: 0,
};

/** Queries a batch for its state, by default its newest run; without a worker, returns what the server knows. */
export async function readBatchState(
  client: Client,
  key: string,
  { runId: wanted, signal }: { runId?: string | undefined; signal?: AbortSignal | undefined } = {},
): Promise<KnownBatchState> {
  // The key may get a new run, by a rerun or continue-as-new, in the meantime: the query and the description are of the
  // same run.
  const run = await describeRun(client, key, wanted);
  const { runId, workflowType } = run;
  refuseNoBatch(key, workflowType);
  const query = () => client.workflow.getHandle(key, runId).query<BatchState>(batchStateQuery);
  const said = await queryWorker(client, key, query, { signal });
  if (said) return { runId, ...said, phase: phaseOfRun(run, said.phase) };
  return await serverState(client, await describeRun(client, key, runId));
}

/** Reads the state until a worker answers, as a killed worker is soon replaced; `NoWorker` once the time is up. */
export async function readAnsweredState(
  client: Client,
  key: string,
  withinMs: number,
  signal?: AbortSignal,
): Promise<BatchState> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    signal?.throwIfAborted();
    const { isFromServer, ...state } = await readBatchState(client, key, signal && { signal });
    if (!isFromServer) return state;
    if (performance.now() > giveUpAt) throw await withoutAnswer(client, key);
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined);
  }
}

/**
 * The phase of a run: an end that Temporal made wins over what the workflow said last. A completed run that reports no
 * end here is `partial`, since nothing counts as a success without evidence.
 */
export function phaseOfRun(run: RunInfo, said: BatchPhase | undefined): BatchPhase {
  switch (run.status) {
    case 'terminated':
    case 'canceled':
    case 'timed_out':
      return 'cancelled';
    case 'failed':
      return 'failed';
    case 'completed':
      return [said, shownPhaseOf(run)].find((phase) => phase !== undefined && isBatchEnd(phase)) ?? 'partial';
    case 'running':
    case 'paused':
    case 'continued_as_new':
    case 'unknown':
      return said ?? (isClosed(run) ? 'failed' : 'running');
  }
}

/** The phase from the search attribute, which is never encrypted. */
function shownPhaseOf(run: RunInfo): BatchPhase | undefined {
  const shown = attributeOf(run, 'RunComfyPhase');
  return batchPhases.find((phase) => phase === shown);
}

async function serverState(client: Client, run: RunInfo): Promise<KnownBatchState> {
  const {
    phase,
    counts = noCounts,
    costUsd = 0,
    presumedUsd,
    resultPages = 0,
    cancel,
  } = await readBatchMemo(client, run);
  const first = await readDecodableRequest(client, run.key, run.runId);
  const beginsAt = await beginningOf(client, run);
  const asked = parseBatchRequest(first?.request);
  const {
    items = [],
    keepOpen = items.length === 0,
    window = batchDefaults.window,
  }: BatchRequest = asked.ok ? asked.request : {};
  return {
    runId: run.runId,
    phase: phaseOfRun(run, phase),
    sealed: isClosed(run) || !keepOpen,
    window,
    paused: null,
    counts,
    money: { spentUsd: costUsd, ...withoutUndefined({ presumedUsd }), reservedUsd: 0, unpriced: 0 },
    failures: [],
    startedAt: (first ?? run).startedAt.toISOString(),
    ...(run.closedAt && { endedAt: run.closedAt.toISOString() }),
    resultPages,
    input: { count: counts.total, digest: '', pages: 0 },
    ...(cancel && { cancel }),
    isFromServer: true,
    ...(beginsAt && { beginsAt: beginsAt.toISOString() }),
  };
}

/** The summary that a batch keeps in its memo, as far as it can be read here. */
export interface ReadBatchMemo extends Partial<BatchMemo> {
  /** The memo exists, but it was encoded by another codec or encrypted with a key that is not available here. */
  isUndecodable?: true;
}

/** Reads the summary that the workflow keeps in its memo; other fields of the memo are not decoded. */
export async function readBatchMemo(client: Client, { key, memo }: RunInfo): Promise<ReadBatchMemo> {
  const found = await decodePayload(client, memo?.[batchWorkflowType], { workflowId: key });
  if (found === undecodable) return { isUndecodable: true };
  if (!isJsonObject(found)) return {};
  const isKnown = batchPhases.some((phase) => phase === found['phase']);
  return isKnown ? found : {};
}
