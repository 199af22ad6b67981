import type { Client } from '@temporalio/client';
import type { GenerationState } from '../../../domain/generation.ts';
import { stateQuery } from '../../../workflows/generation/messages.ts';
import { type QueryOptions, queryWorker } from '../ask-worker.ts';
import { describeRun, isClosed } from '../run-info.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';
import { isTerminal } from './phase.ts';
import { endedState, type KnownState, readServerState } from './server-state.ts';
import { readTaskFailure } from './task-failure.ts';

/** Which run is asked, and how long to wait. */
export interface WhichState extends QueryOptions {
  /** Default: the newest run of the key. */
  runId?: string;
}

/**
 * Queries the workflow for its state. If no worker answers in time, or none polls the task queue, returns what the
 * server knows, flagged `isFromServer`. An end that Temporal made without the workflow hearing of it is included either
 * way.
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

/** The state as the workflow itself tells it; undefined if no worker answers in time. */
export async function askForState(
  client: Client,
  key: string,
  { runId, ...options }: WhichState,
): Promise<GenerationState | undefined> {
  const query = () => client.workflow.getHandle(key, runId).query<GenerationState>(stateQuery);
  return await queryWorker(client, key, query, options);
}
