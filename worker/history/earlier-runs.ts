import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { ActivityDeps } from '../../activities/index.ts';
import type { SubmitJournal } from '../spool/submit-journal.ts';
import { checkNewerRuns, checkOtherChains } from './newer-runs.ts';
import { submitBeforeReset } from './submit-before-reset.ts';

/** An attempt that sends no heartbeat is given up after 10 s, a look at the disk alone after 5 s: either would end unanswered. */
const readWithinMs = 3_000;

/** What this worker can tell of other runs under a key before it pays: from its disk, and from Temporal. */
export function createEarlierRuns({
  client,
  journal,
  log,
}: {
  client: Client;
  journal: Pick<SubmitJournal, 'find'>;
  log: Logger;
}): Pick<ActivityDeps, 'acceptedBefore' | 'submitBeforeReset' | 'checkNewerRuns' | 'checkOtherChains'> {
  return {
    acceptedBefore: (chain) =>
      inTime(journal.find(chain)).catch((error: unknown) => {
        log.error({ ...chain, error }, 'the journal of accepted submits cannot be read; check RUNCOMFY_STATE_DIR');
        return undefined;
      }),
    submitBeforeReset: (run) => submitBeforeReset(client, run),
    checkNewerRuns: (key, runId, retryOfRunId) => checkNewerRuns(client, key, runId, retryOfRunId),
    checkOtherChains: (key, runId, firstExecutionRunId) => checkOtherChains(client, key, runId, firstExecutionRunId),
  };
}

/** A disk that hangs is one that cannot be read. */
async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`the disk did not answer within ${String(readWithinMs / 1_000)} s`));
    }, readWithinMs);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
