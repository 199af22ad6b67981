import type { Client } from '@temporalio/client';
import { GenerationError } from '../errors.ts';
import { describeKnown, type FoundRun } from '../generation/run-info.ts';

const runIdPattern = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** Whether a value can be the id of a run: Temporal refuses all others without saying of what. */
export function isRunId(value: unknown): boolean {
  return typeof value === 'string' && runIdPattern.test(value);
}

/**
 * Whether a run has been followed by a later one of its key; those that it was continued as are its own. Throws
 * `InvalidInput` where Temporal does not know the run: it may have been followed before it was forgotten, so that neither
 * is to run, and nobody is told that what he finds is what he asked for.
 */
export async function isFollowed(client: Client, runId: string, last: FoundRun): Promise<boolean> {
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
