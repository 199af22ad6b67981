import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { isSameJson } from '../../domain/json.ts';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import { canonicalJson } from '../../plans/digest.ts';
import { GenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { readOriginalRequest } from '../generation/original-request.ts';
import { describeKnown, type FoundRun, isClosed, type RunDescription } from '../generation/run-info.ts';
import { stillRunning } from './pipeline-errors.ts';

/** Whether a key that has been run is meant to be run again. */
export interface RunAgain {
  /**
   * Runs a key again whose last run has ended, also with another plan or other params: only what has changed, failed or is
   * gone is ordered. Sets `orderAgain`. Sent again while the run is open that it started, it attaches.
   */
  rerun?: boolean | undefined;
  /**
   * The run that this one is to follow, as its start or its state names it; sets `rerun`. Where another has followed it
   * already this attaches to the last one, so that the call may be repeated, whatever became of its answer. Those that a run
   * was continued as are the same run. `InvalidInput` where the key has no such run, or Temporal keeps it no longer.
   */
  rerunOf?: string | undefined;
}

const runIdPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Refuses what Temporal would refuse without saying of what. */
export function checkRunAgain({ rerun, rerunOf }: RunAgain, key: string): void {
  checkArgument('rerun', rerun === undefined || typeof rerun === 'boolean', 'true or false', key);
  const isRunId = rerunOf === undefined || (typeof rerunOf === 'string' && runIdPattern.test(rerunOf));
  checkArgument('rerunOf', isRunId, 'the id of a run', key);
}

/** A request as it travels where it is meant to run a key again. */
export function anewIf({ rerun, rerunOf }: RunAgain, request: PipelineRequest): PipelineRequest {
  return rerun || rerunOf !== undefined ? { ...request, orderAgain: true } : request;
}

/**
 * Whether a key is run again that was run before, rather than attached to. Throws `StillRunning` where that has to end
 * first, `InvalidInput` where the key has no such run as is to be followed.
 */
export async function isRunAgain(
  client: Client,
  last: RunDescription,
  request: PipelineRequest,
  { rerun = false, rerunOf }: RunAgain,
): Promise<boolean> {
  if (rerunOf === undefined ? !rerun : await isFollowed(client, rerunOf, last)) return false;
  if (isClosed(last)) return true;
  // An answer that was lost is asked for again.
  if (rerunOf === undefined && (await isRequestOf(client, last, request))) return false;
  throw stillRunning(last.key, 'wait for its end, or cancel it, before it is run again');
}

/** By which Temporal knows a start that follows a run, so that the same start which comes later is that one. */
export function idOfFollower({ key, runId, firstRunId = runId }: FoundRun, request: PipelineRequest): string {
  return createHash('sha256')
    .update(canonicalJson([key, firstRunId, request]))
    .digest('hex');
}

/**
 * Whether a run has been followed by a later one of its key. One that Temporal does not know may have been followed before
 * it was forgotten: nothing is run for it, and nobody is told that what he finds is what he asked for.
 */
async function isFollowed(client: Client, runId: string, last: FoundRun): Promise<boolean> {
  if (runId === last.runId || runId === last.firstRunId) return false;
  const run = await describeKnown(client, last.key, runId);
  if (run) return run.firstRunId === undefined || run.firstRunId !== last.firstRunId;
  const message = `Temporal knows no such run of this key, or keeps it no longer: the last one is "${last.runId}", to be looked at before it is named instead`;
  throw new GenerationError({
    type: 'InvalidInput',
    message: `nothing was started for run "${runId}" of pipeline "${last.key}": ${message}`,
    key: last.key,
    issues: [{ path: 'rerunOf', message }],
  });
}

/** Whether a run was asked for by this very request. */
async function isRequestOf(client: Client, { key, runId }: FoundRun, request: PipelineRequest): Promise<boolean> {
  const original = await readOriginalRequest(client, key, runId);
  return original !== undefined && isSameJson(original.request, request);
}
