import { heartbeat } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities, type SubmitBeforeReset } from '../../activities/index.ts';
import { createOpenAttempts } from '../../activities/reading/open-attempts.ts';
import type { Activities } from '../../domain/activities.ts';
import type { RunComfyClient } from '../../runcomfy/client.ts';
import { acknowledgingClient, plainActivityDeps } from '../support/activity-deps.ts';

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

/** The product's own activities, without what belongs to a worker: spool, learned durations, turns. */
export function inProcessActivities(runcomfy: RunComfyClient, submitBeforeReset: () => SubmitBeforeReset): Activities {
  let accepted: { requestId: string; acceptedAt: string } | undefined;
  return createActivities({
    ...plainActivityDeps(runcomfy),
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
    keepRequestId: ({ heartbeatDetails, requestId }) => {
      accepted ??= { requestId, acceptedAt: heartbeatDetails.at };
      heartbeat(heartbeatDetails);
      return Promise.resolve();
    },
    acceptedBefore: () => Promise.resolve(accepted),
    submitBeforeReset: () => Promise.resolve(submitBeforeReset()),
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
    {
      attempt,
      heartbeatDetails,
      workflowExecution: { workflowId: 'played', runId },
      scheduleToCloseTimeoutMs: 0,
    },
    { client: acknowledgingClient(onHeartbeat), logger: new DefaultLogger('ERROR', () => undefined) },
  );
  environment.on('heartbeat', onHeartbeat);
  return await environment.run<[Q], T, Activity<Q, T>>(run, question);
}
