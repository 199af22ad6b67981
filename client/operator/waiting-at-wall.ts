import type { Client } from '@temporalio/client';
import type { WallState } from '../../domain/generation.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { named } from '../convert-errors.ts';
import { phaseOf } from '../generation/following/phase.ts';
import { readState } from '../generation/following/read-state.ts';
import { listRuns, type RunInfo } from '../generation/run-info.ts';
import { isOfUnknownAttributes } from '../grpc.ts';

/** A generation that waits for a filled wallet, a valid token or room in a budget. */
export interface WaitingAtWall {
  key: string;
  wall: WallState;
}

/** Enough to tell that there are some, and soon: each is asked for its state. */
const maxLookedAt = 20;

/** Looks at the newest generations that have not got past their submit for those that wait at a wall. */
export async function findWaitingAtWall(client: Client): Promise<WaitingAtWall[]> {
  const runs = await named('', () => unsubmittedRuns(client));
  const looked = await Promise.all(
    runs.map(async ({ key, runId }): Promise<WaitingAtWall[]> => {
      // One that cannot be asked is told by `status`.
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
