import type { Client } from '@temporalio/client';
import type { GenerationResult, GenerationState, Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { withClientErrors } from '../../convert-errors.ts';
import { readOriginalRequest } from '../original-request.ts';
import { attributeOf, describeRun, isClosed, modelOf, type RunDescription } from '../run-info.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';
import { phaseOf } from './phase.ts';
import { askForState, readState } from './read-state.ts';
import { type KnownState, readServerState } from './server-state.ts';

/** A generation as described by Temporal's own records; a worker is asked only for what they lack. */
export interface DescribedGeneration {
  key: string;
  runId: string;
  model: string;
  phase: Phase;
  requestId?: string;
  queuePosition?: number;
  /** ISO 8601. */
  startedAt: string;
  closedAt?: string;
  /** How it ended; missing while it runs. */
  ending?: GenerationEnding;
  /** The whole state, if it was asked for. */
  state?: KnownState;
}

/**
 * How a generation ended: its result, else its last state. `isTerminated`: it was terminated from outside, so RunComfy
 * was not told.
 */
export type GenerationEnding = { result: GenerationResult } | { state: KnownState; isTerminated?: true };

/** What to include in a description, and what is known beforehand. */
export interface DescribeOptions {
  /** The model, if known: otherwise reading it takes a call of its own while no search attribute names it. */
  model?: string | undefined;
  /** Asks a worker for the position in RunComfy's queue, for this long at most; default: no worker is asked. */
  positionWithinMs?: number | undefined;
  /** The phase to assume for an open generation without a phase attribute; default: a worker is asked. */
  unsaidPhase?: Phase | undefined;
  /**
   * Asks a worker for the whole state while the generation runs; an ended one is described by Temporal's records alone.
   */
  withState?: boolean;
  /**
   * When the caller gives up, in epoch milliseconds: nothing is awaited beyond it, and each call to the server is kept
   * short enough to leave time for another try.
   */
  answeredBy?: number | undefined;
}

const describeMs = 5_000;

/** Tells a generation's phase and how it ended, with a single call to Temporal if its search attributes are set. */
export function describeGeneration(
  client: Client,
  key: string,
  options: DescribeOptions = {},
): Promise<DescribedGeneration> {
  return withClientErrors(key, async () => {
    const { answeredBy } = options;
    const run = await described(client, key, answeredBy);
    refuseOtherType(key, run.workflowType);
    const times = { startedAt: run.startedAt.toISOString(), closedAt: run.closedAt?.toISOString() };
    if (isClosed(run)) {
      const ending = await readEnding(client, run, answeredBy);
      const told = 'result' in ending ? { ...ending.result, phase: 'succeeded' as const } : ending.state;
      const model = told.model === '' ? (options.model ?? '') : told.model;
      const { phase, requestId } = told;
      const state = options.withState ? await readLastState(client, run, ending) : undefined;
      return withoutUndefined({ key, runId: run.runId, model, phase, requestId, ...times, ending, state });
    }
    if (options.withState) {
      const state = await readState(client, key, { runId: run.runId, answeredBy });
      const { model, phase, queuePosition, requestId } = state;
      return withoutUndefined({ key, runId: run.runId, model, phase, requestId, queuePosition, ...times, state });
    }
    const { phase, queuePosition, requestId } = await readOpen(client, run, options);
    const model = modelOf(run) ?? options.model ?? (await modelOrdered(client, run));
    return withoutUndefined({ key, runId: run.runId, model, phase, requestId, queuePosition, ...times });
  });
}

function described(client: Client, key: string, answeredBy: number | undefined): Promise<RunDescription> {
  const describe = () => describeRun(client, key);
  if (answeredBy === undefined) return describe();
  return client.withDeadline(Math.min(Date.now() + describeMs, answeredBy), describe);
}

async function readOpen(
  client: Client,
  run: RunDescription,
  { positionWithinMs, unsaidPhase, answeredBy }: DescribeOptions,
): Promise<Pick<GenerationState, 'phase' | 'queuePosition' | 'requestId'>> {
  const phase = phaseOf(run) ?? unsaidPhase;
  if (phase === undefined) return readState(client, run.key, { runId: run.runId, answeredBy });
  const known = withoutUndefined({ phase, requestId: attributeOf(run, 'RunComfyRequestId') });
  if (phase !== 'in_queue' || positionWithinMs === undefined) return known;
  const asking = { runId: run.runId, timeoutMs: positionWithinMs, answeredBy };
  const said = await askForState(client, run.key, asking).catch(() => undefined);
  return said ?? known;
}

async function readEnding(
  client: Client,
  run: RunDescription,
  answeredBy: number | undefined,
): Promise<GenerationEnding> {
  const { key, runId, status } = run;
  if (status === 'completed') {
    return { result: (await client.workflow.result(key, runId, { followRuns: false })) as GenerationResult };
  }
  // A workflow that was cancelled as such carries no details: only a worker can tell the outcome at RunComfy.
  if (status === 'canceled') return { state: await readState(client, key, { runId, answeredBy }) };
  const state = await readServerState(client, run);
  return { state, ...(status === 'terminated' && { isTerminated: true }) };
}

/**
 * The last state of an ended generation, the same on every replica. `isFromServer` is left out, since nothing is
 * missing in it.
 */
async function readLastState(client: Client, run: RunDescription, ending: GenerationEnding): Promise<KnownState> {
  const { isFromServer, ...state } = 'state' in ending ? ending.state : await readServerState(client, run);
  // The exception: the outcome of a workflow that was cancelled as such is unknown until a worker tells it.
  const isUntold = run.status === 'canceled' && isFromServer && state.cancel?.outcome === undefined;
  return isUntold ? { ...state, isFromServer } : state;
}

async function modelOrdered(client: Client, { key, runId }: RunDescription): Promise<string> {
  const model = (await readOriginalRequest(client, key, runId))?.request.model;
  return typeof model === 'string' ? model : '';
}
