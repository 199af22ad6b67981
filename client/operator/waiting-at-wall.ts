import type { Client } from '@temporalio/client';
import type { WallState } from '../../domain/generation.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { phaseOf } from '../generation/following/phase.ts';
import { readState } from '../generation/following/read-state.ts';
import { listRuns, type RunInfo } from '../generation/run-info.ts';
import { isOfUnknownAttributes } from '../grpc.ts';

/** A generation that waits for credit in the wallet, a valid token or room in a budget. */
export interface WaitingAtWall {
  key: string;
  wall: WallState;
}

/** Most generations looked at, as each is queried for its state. */
const maxLookedAt = 20;

/** Finds generations that wait at a wall, among the newest that have not been submitted yet. */
export async function findWaitingAtWall(client: Client): Promise<WaitingAtWall[]> {
  const runs = await withClientErrors('', () => unsubmittedRuns(client));
  const looked = await Promise.all(
    runs.map(async ({ key, runId }): Promise<WaitingAtWall[]> => {
      // A generation that cannot be queried is left out here; `status` reports it.
      const state = await readState(client, key, { runId }).catch(() => undefined);
      return state?.wall ? [{ key, wall: state.wall }] : [];
    }),
  );
  return looked.flat();
}

async function unsubmittedRuns(client: Client): Promise<RunInfo[]> {
  const running = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus = "Running"`;
  const isUnsubmitted = (run: RunInfo) => (phaseOf(run) ?? 'submitting') === 'submitting';
  try {
    return await newest(
      client,
      `${running} AND (RunComfyPhase = "submitting" OR RunComfyPhase IS NULL)`,
      isUnsubmitted,
    );
  } catch (error) {
    if (!isOfUnknownAttributes(error)) throw error;
    return await newest(client, running, isUnsubmitted);
  }
}

async function newest(client: Client, query: string, isWanted: (run: RunInfo) => boolean): Promise<RunInfo[]> {
  for await (const page of listRuns(client, query)) return page.filter(isWanted).slice(0, maxLookedAt);
  return [];
}
