import type { Client } from '@temporalio/client';
import type { ActivityDeps } from '../../activities/index.ts';
import { createOpenAttempts } from '../../activities/reading/open-attempts.ts';
import { createReadCounter } from '../../activities/reading/read-counter.ts';
import { createReadPacer } from '../../activities/reading/read-pacer.ts';
import { createSubmitPacer } from '../../activities/submitting/submit-pacer.ts';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import type { SubmitHeartbeat } from '../../domain/activities.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';

/**
 * Dependencies of the activities without a worker: no spool, no journal, no search attributes, and every input is
 * valid.
 */
export function plainActivityDeps(runcomfy: RunComfyClient): ActivityDeps {
  return {
    runcomfy,
    validator: { validate: () => Promise.resolve({ issues: [], warnings: [] }) },
    readCounter: createReadCounter(),
    readPacer: createReadPacer(),
    submitPacer: createSubmitPacer(),
    budgets: { reserve: () => Promise.resolve('no_budget'), settle: () => Promise.resolve() },
    openAttempts: createOpenAttempts(100),
    waiting: createWaitingKnowledge(),
    searchAttributes: () => [],
    existingSearchAttributes: (names) => Promise.resolve(names),
    recentBalance: () => undefined,
    expectedPriceUsd: () => Promise.resolve(undefined),
    keepRequestId: () => Promise.resolve(),
    acceptedBefore: () => Promise.resolve(undefined),
    submitBeforeReset: () => Promise.resolve({ kind: 'nothing' }),
    checkNewerRuns: () => Promise.resolve(),
    checkOtherChains: () => Promise.resolve(),
  };
}

/** The parts of a worker's client that the submit uses, with a server that acknowledges every heartbeat. */
export function acknowledgingClient(take: (details: SubmitHeartbeat) => void | Promise<void>): Client {
  return {
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    activity: {
      async heartbeat(_taskToken: Uint8Array, details: SubmitHeartbeat) {
        await take(details);
      },
    },
  } as unknown as Client;
}
