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

/** Whether and after which run a key is to be run again. */
export interface RunAgain {
  /**
   * Runs the key again after its last run has ended, even with another plan or other params: only what has changed,
   * failed or is no longer available is ordered. Sets `orderAgain`. The same call attaches while the run that it
   * started is open.
   */
  rerun?: boolean | undefined;
  /**
   * Id of the run that the new one is to follow, as `start` or the state returned it; implies `rerun`. If a later run
   * has followed it already, the call attaches to the last one, so it can be repeated after a lost answer. The runs
   * that a run continued as new count as the same run. `InvalidInput` if Temporal has no such run of the key, or does
   * not keep it any more.
   */
  rerunOf?: string | undefined;
}

const runIdPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Refuses values that Temporal would refuse without naming them. */
export function checkRunAgain({ rerun, rerunOf }: RunAgain, key: string): void {
  checkArgument('rerun', rerun === undefined || typeof rerun === 'boolean', 'true or false', key);
  const isRunId = rerunOf === undefined || (typeof rerunOf === 'string' && runIdPattern.test(rerunOf));
  checkArgument('rerunOf', isRunId, 'the id of a run', key);
}

/** The request, with `orderAgain` set if it is meant to run a key again. */
export function anewIf({ rerun, rerunOf }: RunAgain, request: PipelineRequest): PipelineRequest {
  return rerun || rerunOf !== undefined ? { ...request, orderAgain: true } : request;
}

/**
 * Whether a new run is started for a key that has one, instead of attaching to it. Throws `StillRunning` if the last
 * run has to end first, and `InvalidInput` if the run to follow does not exist.
 */
export async function isRunAgain(
  client: Client,
  last: RunDescription,
  request: PipelineRequest,
  { rerun = false, rerunOf }: RunAgain,
): Promise<boolean> {
  if (rerunOf === undefined ? !rerun : await isFollowed(client, rerunOf, last)) return false;
  if (isClosed(last)) return true;
  // The same request again means that its answer was lost.
  if (rerunOf === undefined && (await isRequestOf(client, last, request))) return false;
  throw stillRunning(last.key, 'wait for its end, or cancel it, before it is run again');
}

/** The id that Temporal keeps for a start which follows a run: a later start with the same id returns the same run. */
export function idOfFollower({ key, runId, firstRunId = runId }: FoundRun, request: PipelineRequest): string {
  return createHash('sha256')
    .update(canonicalJson([key, firstRunId, request]))
    .digest('hex');
}

/**
 * Whether a run has been followed by a later run of its key. If Temporal does not know the run, it may have been
 * followed before it was removed, so this throws instead of starting anything or attaching to a run that may not be the
 * one that was meant.
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

/** Whether a run was started with this very request. */
async function isRequestOf(client: Client, { key, runId }: FoundRun, request: PipelineRequest): Promise<boolean> {
  const original = await readOriginalRequest(client, key, runId);
  return original !== undefined && isSameJson(original.request, request);
}
