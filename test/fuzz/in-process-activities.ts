import { heartbeat } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../activities/index.ts';
import { createOpenAttempts } from '../../activities/reading/open-attempts.ts';
import { createReadCounter } from '../../activities/reading/read-counter.ts';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import type { Activities } from '../../domain/activities.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';

/** What the first run of every chain is called here. */
export const firstRunId = 'run-1';

/** An activity as the workflow sees it. */
export type Activity<Q, T> = (question: Q) => Promise<T>;

/** Temporal's retry rules, as far as they matter to a generation. */
export interface RetryRules {
  longestDelayMs: number;
  /** The whole activity ends after this. */
  withinMs?: number;
  /** A cancel or the deadline ends it. */
  isInterruptible: boolean;
  /** A report that cannot be encoded is encoded again until Temporal has given the attempt up. */
  isPatient?: boolean;
}

/** The product's own activities, without what belongs to a worker: spool, learned durations, turns. `isReset`: of the run. */
export function inProcessActivities(runcomfy: RunComfyClient, isReset: () => boolean): Activities {
  let accepted: { requestId: string; acceptedAt: string } | undefined;
  return createActivities({
    runcomfy,
    validator: { validate: () => Promise.resolve({ issues: [], warnings: [] }) },
    readCounter: createReadCounter(),
    // Turns are waited for on the machine's clock.
    readPacer: {
      takeTurn: () => Promise.resolve(0),
      skipTurn: () => undefined,
      slowDown: () => undefined,
      stopAll: () => undefined,
    },
    submitPacer: {
      takeTurn: () => Promise.resolve({ noteAccepted: () => undefined, noteRefused: () => undefined }),
      stopAll: () => undefined,
    },
    openAttempts: createOpenAttempts(0),
    waiting: createWaitingKnowledge(),
    searchAttributes: () => [],
    existingSearchAttributes: (names) => Promise.resolve(names),
    recentBalance: () => undefined,
    expectedPriceUsd: () => Promise.resolve(undefined),
    keepRequestId: ({ heartbeatDetails, requestId }) => {
      accepted ??= { requestId, acceptedAt: heartbeatDetails.at };
      heartbeat(heartbeatDetails);
      return Promise.resolve();
    },
    acceptedBefore: () => Promise.resolve(accepted),
    isReset: () => Promise.resolve(isReset()),
    checkNewerRuns: () => Promise.resolve(),
  });
}

/** One attempt of an activity; gives `onHeartbeat` what a later attempt would find. */
export async function attemptOf<Q, T>(
  run: Activity<Q, T>,
  question: Q,
  attempt: number,
  heartbeatDetails: unknown,
  onHeartbeat: (details: unknown) => void,
  runId = firstRunId,
): Promise<T> {
  const environment = new MockActivityEnvironment(
    { attempt, heartbeatDetails, workflowExecution: { workflowId: 'played', runId } },
    { client: acknowledging(onHeartbeat), logger: new DefaultLogger('ERROR', () => undefined) },
  );
  environment.on('heartbeat', onHeartbeat);
  return await environment.run<[Q], T, Activity<Q, T>>(run, question);
}

/** Stands for Temporal's server, which takes every heartbeat. */
const acknowledging = (take: (details: unknown) => void) =>
  ({
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    activity: {
      heartbeat: (_taskToken: Uint8Array, details: unknown) => {
        take(details);
        return Promise.resolve();
      },
    },
  }) as unknown as Client;
