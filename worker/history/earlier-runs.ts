import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { ActivityDeps } from '../../activities/index.ts';
import { readInTime } from '../spool/disk-in-time.ts';
import type { SubmitJournal } from '../spool/submit-journal.ts';
import { checkNewerRuns, checkOtherChains } from './newer-runs.ts';
import { submitBeforeReset } from './submit-before-reset.ts';

/** What this worker can find out about other runs of a key before it pays: from its disk and from Temporal. */
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
      readInTime(() => journal.find(chain)).catch((error: unknown) => {
        log.error({ ...chain, error }, 'the journal of accepted submits cannot be read; check RUNCOMFY_STATE_DIR');
        return undefined;
      }),
    submitBeforeReset: (run) => submitBeforeReset(client, run),
    checkNewerRuns: (key, runId, retryOfRunId) => checkNewerRuns(client, key, runId, retryOfRunId),
    checkOtherChains: (key, runId, firstExecutionRunId) => checkOtherChains(client, key, runId, firstExecutionRunId),
  };
}
