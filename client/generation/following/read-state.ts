import type { Client } from '@temporalio/client';
import type { GenerationState } from '../../../domain/generation.ts';
import { stateQuery } from '../../../workflows/generation/messages.ts';
import { askWorker, isUnanswered } from '../ask-worker.ts';
import { describeRun, isClosed } from '../run-info.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';
import { isTerminal } from './phase.ts';
import { endedState, type KnownState, readServerState } from './server-state.ts';
import { readTaskFailure } from './task-failure.ts';

const queryTimeoutMs = 12_000;

/** Which run is asked, and what ends the asking. */
export interface WhichState {
  /** Default: the newest run of the key. */
  runId?: string;
  signal?: AbortSignal | undefined;
  /** How long a worker's answer is awaited; default 12 s. */
  timeoutMs?: number | undefined;
  /** When whoever asks gives up, in epoch milliseconds: no worker's answer is awaited beyond it. */
  answeredBy?: number | undefined;
}

/**
 * Asks the workflow where it stands; where no worker answers in time, or none polls at all, tells what the server
 * knows, flagged `isFromServer`. An end that Temporal made, of which the workflow never heard, is told all the same.
 */
export async function readState(client: Client, key: string, which: WhichState = {}): Promise<KnownState> {
  const said = await askForState(client, key, which);
  if (said !== undefined && isTerminal(said.phase)) return said;
  const run = await describeRun(client, key, which.runId);
  refuseOtherType(key, run.workflowType);
  if (said === undefined) return readServerState(client, run);
  if (isClosed(run)) return endedState(client, run, said);
  const taskFailure = await readTaskFailure(client, run);
  return { ...said, ...(taskFailure && { taskFailure }) };
}

/** The workflow's own word on where it stands; undefined where no worker answers in time. */
export async function askForState(
  client: Client,
  key: string,
  { runId, signal, timeoutMs = queryTimeoutMs, answeredBy = Infinity }: WhichState,
): Promise<GenerationState | undefined> {
  const query = () => client.workflow.getHandle(key, runId).query<GenerationState>(stateQuery);
  const withinMs = Math.min(timeoutMs, answeredBy - Date.now());
  const reply = await askWorker(client, key, query, { timeoutMs: withinMs, signal });
  signal?.throwIfAborted();
  if (reply === 'unattended') return undefined;
  if ('answer' in reply) return reply.answer;
  if (!isUnanswered(reply.error)) throw reply.error;
  return undefined;
}
