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
import { readState } from '../generation/following/read-state.ts';
import type { KnownState } from '../generation/following/server-state.ts';
import { readDecodableRequest } from '../generation/original-request.ts';
import { attributeOf, describeRun, type RunInfo } from '../generation/run-info.ts';
import { grpcCodeOf } from '../grpc.ts';
import { refuseNoPipeline, toPipelineError } from './pipeline-errors.ts';

/** Where a pipeline stands. */
export interface KnownPipelineState extends PipelineState {
  /** The run that this is the state of. */
  runId: string;
  /** The states of the generations that are open, by key; as many as are looked at, at most 20. */
  orders?: Record<string, KnownState>;
  /** No worker answered: this is what Temporal itself knows; where the request cannot be read, the deadline is the usual one. */
  isFromServer?: true;
}

/** Which run is asked, and how long. */
interface WhichPipelineState {
  /** Default: the newest run of the key. */
  runId?: string | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal;
}

const maxOrders = 20;

/** Asks the pipeline where it stands, and its open generations; without a worker tells what the server knows. */
export async function readPipelineState(
  client: Client,
  key: string,
  { runId: wanted, timeoutMs, signal }: WhichPipelineState = {},
): Promise<KnownPipelineState> {
  // The key may be run again, or continued as new, while it is asked: the workflow and Temporal tell of one run.
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

/** An end that Temporal made wins over what the workflow said last. */
function endPhaseOf({ status }: RunInfo): PipelinePhase | undefined {
  if (status === 'terminated' || status === 'canceled') return 'cancelled';
  return status === 'timed_out' ? 'timed_out' : undefined;
}

async function serverState(client: Client, run: RunInfo): Promise<KnownPipelineState> {
  const { memo } = await readMemo(client, run);
  const first = await readDecodableRequest(client, run.key, run.runId);
  const { startedAt } = first ?? run;
  const asked = parsePipelineRequest(first?.request);
  const deadlineMs = asked.ok ? pipelineDeadlineMsOf(asked.request) : defaultPipelineDeadlineMs;
  const { costUsd, presumedUsd } = memo;
  const cancel = run.status === 'failed' ? await readCancel(client, run) : undefined;
  const steps = isJsonObject(memo['steps']) ? Object.entries(memo['steps']) : [];
  return {
    runId: run.runId,
    phase: phaseOfRun(run, memo),
    startedAt: startedAt.toISOString(),
    deadlineAt: new Date(startedAt.getTime() + deadlineMs).toISOString(),
    ...(run.closedAt && { endedAt: run.closedAt.toISOString() }),
    costUsd: typeof costUsd === 'number' ? costUsd : 0,
    ...(typeof presumedUsd === 'number' && { presumedUsd }),
    reservedUsd: 0,
    steps: steps.map(([id, step]) => ({ id, phase: step as StepState['phase'] })),
    ...(cancel && { cancel }),
    warnings: [],
    isFromServer: true,
  };
}

/** What the failure tells of the cancel; nothing where it cannot be read here. */
async function readCancel(client: Client, { key, runId }: RunInfo): Promise<PipelineCancelState | undefined> {
  try {
    await client.workflow.result(key, runId, { followRuns: false });
  } catch (error) {
    if (error instanceof WorkflowFailedError) return toPipelineError(error, key).pipeline?.cancel;
    if (grpcCodeOf(error) !== undefined) throw error;
  }
  return undefined;
}

/** What a pipeline leaves in its memo, as far as it can be read here. */
export interface ReadPipelineMemo {
  memo: Record<string, unknown>;
  /** There is one, of another codec or encrypted with a key that is not here. */
  isUndecodable?: true;
}

/** The short form that the workflow leaves in its memo; of the other fields, whosever they are, none is decoded. */
export async function readMemo(client: Client, { key, memo }: RunInfo): Promise<ReadPipelineMemo> {
  const found = await decodePayload(client, memo?.[pipelineWorkflowType], { workflowId: key });
  if (found === undecodable) return { memo: {}, isUndecodable: true };
  return { memo: isJsonObject(found) ? found : {} };
}

/**
 * Where a run stands: by its memo, or else by its search attribute, which is never encrypted. An end that Temporal made wins
 * over both. One that returned in a way that nobody tells here is `partial`: nothing is called a success on no evidence.
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
