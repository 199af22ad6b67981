import { type Client, WorkflowFailedError } from '@temporalio/client';
import { isJsonObject } from '../../domain/json.ts';
import { pipelineWorkflowType } from '../../domain/names.ts';
import { parsePipelineRequest, pipelineDeadlineMsOf } from '../../domain/pipeline/pipeline-request.ts';
import {
  defaultPipelineDeadlineMs,
  isPipelineEnd,
  type ItemState,
  type PipelineCancelState,
  type PipelinePhase,
  pipelinePhases,
  type PipelineState,
  type StepState,
} from '../../domain/pipeline/pipeline-run.ts';
import { pipelineStateQuery } from '../../workflows/pipeline/messages.ts';
import { decodePayload, undecodable } from '../decode-payload.ts';
import { queryWorker } from '../generation/ask-worker.ts';
import { beginningOf } from '../generation/delayed-start.ts';
import { readState } from '../generation/following/read-state.ts';
import type { KnownState } from '../generation/following/server-state.ts';
import { readDecodableRequest } from '../generation/original-request.ts';
import { attributeOf, describeRun, type RunInfo } from '../generation/run-info.ts';
import { grpcCodeOf } from '../grpc.ts';
import { refuseNoPipeline, toPipelineError } from './pipeline-errors.ts';

/** The state of a pipeline. */
export interface KnownPipelineState extends PipelineState {
  /** The run that this state belongs to. */
  runId: string;
  /** The states of its open generations, by key; at most 20 of them are read. */
  orders?: Record<string, KnownState>;
  /**
   * No worker answered: this is what Temporal itself knows. If the request cannot be read, the default deadline is
   * assumed.
   */
  isFromServer?: true;
  /** Its start is delayed until then, ISO 8601: no worker has been given any of it. */
  beginsAt?: string;
}

/** Which run is asked, and how long to wait. */
interface WhichPipelineState {
  /** Default: the newest run of the key. */
  runId?: string | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal;
}

const maxOrders = 20;

/** Queries a pipeline and its open generations for their state; without a worker, returns what the server knows. */
export async function readPipelineState(
  client: Client,
  key: string,
  { runId: wanted, timeoutMs, signal }: WhichPipelineState = {},
): Promise<KnownPipelineState> {
  // The key may get a new run, by a rerun or continue-as-new, in the meantime: the query and the description are of the
  // same run.
  const run = await describeRun(client, key, wanted);
  const { runId, workflowType } = run;
  refuseNoPipeline(key, workflowType);
  const query = () => client.workflow.getHandle(key, runId).query<PipelineState>(pipelineStateQuery);
  const said = await queryWorker(client, key, query, { timeoutMs, signal });
  if (said === undefined) return await serverState(client, await describeRun(client, key, runId));
  const state = { runId, ...said, phase: endPhaseOf(run) ?? said.phase };
  if (isPipelineEnd(state.phase)) return state;
  const orders = await readOrders(client, state.steps);
  return { ...state, ...(Object.keys(orders).length > 0 && { orders }) };
}

async function readOrders(client: Client, steps: StepState[]): Promise<Record<string, KnownState>> {
  const keys = steps
    .flatMap((step): (StepState | ItemState)[] => step.items ?? [step])
    .flatMap(({ phase, key }) => (phase === 'ordered' && key !== undefined ? [key] : []));
  const read = async (key: string) => [key, await readState(client, key).catch(() => undefined)] as const;
  const states = await Promise.all(keys.slice(0, maxOrders).map(read));
  return Object.fromEntries(states.flatMap(([key, state]) => (state === undefined ? [] : [[key, state]])));
}

/** The phase of an end that Temporal made; it wins over what the workflow said last. */
function endPhaseOf({ status }: RunInfo): PipelinePhase | undefined {
  if (status === 'terminated' || status === 'canceled') return 'cancelled';
  return status === 'timed_out' ? 'timed_out' : undefined;
}

async function serverState(client: Client, run: RunInfo): Promise<KnownPipelineState> {
  const { memo } = await readMemo(client, run);
  const first = await readDecodableRequest(client, run.key, run.runId);
  const { startedAt } = first ?? run;
  const beginsAt = await beginningOf(client, run);
  const begins = beginsAt ?? first?.beginsAt ?? run.beginsAt ?? startedAt;
  const asked = parsePipelineRequest(first?.request);
  const deadlineMs = asked.ok ? pipelineDeadlineMsOf(asked.request) : defaultPipelineDeadlineMs;
  const { costUsd, presumedUsd } = memo;
  const cancel = run.status === 'failed' ? await readCancel(client, run) : undefined;
  const steps = isJsonObject(memo['steps']) ? Object.entries(memo['steps']) : [];
  return {
    runId: run.runId,
    phase: phaseOfRun(run, memo),
    startedAt: startedAt.toISOString(),
    deadlineAt: new Date(begins.getTime() + deadlineMs).toISOString(),
    ...(run.closedAt && { endedAt: run.closedAt.toISOString() }),
    costUsd: typeof costUsd === 'number' ? costUsd : 0,
    ...(typeof presumedUsd === 'number' && { presumedUsd }),
    reservedUsd: 0,
    steps: steps.map(([id, step]) => ({ id, phase: step as StepState['phase'] })),
    ...(cancel && { cancel }),
    warnings: [],
    isFromServer: true,
    ...(beginsAt && { beginsAt: beginsAt.toISOString() }),
  };
}

/** The cancel as the pipeline's failure reports it; undefined if the failure cannot be decoded here. */
async function readCancel(client: Client, { key, runId }: RunInfo): Promise<PipelineCancelState | undefined> {
  try {
    await client.workflow.result(key, runId, { followRuns: false });
  } catch (error) {
    if (error instanceof WorkflowFailedError) return toPipelineError(error, key).pipeline?.cancel;
    if (grpcCodeOf(error) !== undefined) throw error;
  }
  return undefined;
}

/** The summary that a pipeline keeps in its memo, as far as it can be read here. */
export interface ReadPipelineMemo {
  memo: Record<string, unknown>;
  /** The memo exists, but it was encoded by another codec or encrypted with a key that is not available here. */
  isUndecodable?: true;
}

/** Reads the summary that the workflow keeps in its memo; other fields of the memo are not decoded. */
export async function readMemo(client: Client, { key, memo }: RunInfo): Promise<ReadPipelineMemo> {
  const found = await decodePayload(client, memo?.[pipelineWorkflowType], { workflowId: key });
  if (found === undecodable) return { memo: {}, isUndecodable: true };
  return { memo: isJsonObject(found) ? found : {} };
}

/**
 * The phase of a run, from its memo or else from its search attribute, which is never encrypted. An end that Temporal
 * made wins over both. A completed run that reports no end here is `partial`, since nothing counts as a success without
 * evidence.
 */
export function phaseOfRun(run: RunInfo, memo: Record<string, unknown>): PipelinePhase {
  const words = [memo['phase'], attributeOf(run, 'RunComfyPhase')];
  const said = words.map((word) => pipelinePhases.find((phase) => phase === word)).filter((one) => one !== undefined);
  switch (run.status) {
    case 'terminated':
    case 'canceled':
      return 'cancelled';
    case 'timed_out':
      return 'timed_out';
    case 'completed':
      return said.find(isPipelineEnd) ?? 'partial';
    case 'failed':
      return said.find(isPipelineEnd) ?? 'failed';
    case 'running':
    case 'paused':
    case 'continued_as_new':
    case 'unknown':
      return said[0] ?? 'running';
  }
}
