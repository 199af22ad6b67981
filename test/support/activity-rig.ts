import type { Info } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { type ActivityDeps, createActivities, type KeptRequestId } from '../../activities/index.ts';
import { createOpenAttempts } from '../../activities/reading/open-attempts.ts';
import { createReadCounter } from '../../activities/reading/read-counter.ts';
import { createReadPacer } from '../../activities/reading/read-pacer.ts';
import { createSubmitPacer } from '../../activities/submit-pacer.ts';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import type { ActivityFailureDetails, SubmitHeartbeat, SubmitOrder } from '../../domain/activities.ts';
import { createRunComfyClient, type RunComfyClientOptions } from '../../runcomfy/client.ts';
import { createInputValidator } from '../../runcomfy/models/index.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { kling, klingInput } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';

/** The token of the account that orders. */
export const token = 'sim-activity-7f3a91c0';

export const paidOrder: SubmitOrder = { model: kling, input: klingInput, firstExecutionRunId: 'first-run' };

/** How one attempt of an activity ended, and the heartbeats it recorded on the way. */
export interface Attempt<T> {
  value?: T;
  failure?: ApplicationFailure;
  heartbeats: unknown[];
}

export interface ActivityRig {
  activities: ReturnType<typeof createActivities>;
  /** One attempt, as a worker makes it. */
  attempt: <Q, T>(activity: (question: Q) => Promise<T>, question: Q, info?: Partial<Info>) => Promise<Attempt<T>>;
  /** Heartbeats that the server was asked to acknowledge. */
  acknowledged: SubmitHeartbeat[];
  /** Request ids as they were handed over for keeping. */
  kept: KeptRequestId[];
}

export interface RigOptions {
  client?: Partial<RunComfyClientOptions>;
  deps?: Partial<ActivityDeps>;
  /** Stands for Temporal: acknowledges a heartbeat, or refuses it by throwing. */
  onHeartbeat?: (details: SubmitHeartbeat) => void | Promise<void>;
}

/** The activities of a worker whose RunComfy is at `base`, each run in an activity context of its own. */
export function activitiesAt(base: string, options: RigOptions = {}): ActivityRig {
  const runcomfy = createRunComfyClient({
    modelApiBase: `${base}/v1`,
    serverlessApiBase: `${base}/prod/v2`,
    token: () => token,
    ...options.client,
  });
  onTestFinished(() => runcomfy.close());
  const acknowledged: SubmitHeartbeat[] = [];
  const kept: KeptRequestId[] = [];
  const activities = createActivities({
    runcomfy,
    validator: createInputValidator({ getModel: (id) => runcomfy.getModel(id), timeoutMs: 5_000 }),
    readCounter: createReadCounter(),
    readPacer: createReadPacer(),
    submitPacer: createSubmitPacer(),
    openAttempts: createOpenAttempts(100),
    waiting: createWaitingKnowledge(),
    searchAttributes: () => ['RunComfyModel'],
    existingSearchAttributes: (names) => Promise.resolve(names),
    recentBalance: () => undefined,
    expectedPriceUsd: () => Promise.resolve(undefined),
    keepRequestId: (id) => {
      kept.push(id);
      return Promise.resolve();
    },
    acceptedBefore: () => Promise.resolve(undefined),
    isReset: () => Promise.resolve(false),
    checkNewerRuns: () => Promise.resolve(),
    ...options.deps,
  });
  // What a worker's client offers an activity, as far as the submit uses it.
  const client = {
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    activity: {
      async heartbeat(_taskToken: Uint8Array, details: SubmitHeartbeat) {
        await options.onHeartbeat?.(details);
        acknowledged.push(details);
      },
    },
  } as unknown as Client;

  return {
    activities,
    acknowledged,
    kept,
    async attempt(activity, question, info) {
      const logger = new DefaultLogger('ERROR', () => undefined);
      const environment = new MockActivityEnvironment(
        { currentAttemptScheduledTimestampMs: Date.now(), ...info },
        { client, logger },
      );
      const heartbeats: unknown[] = [];
      environment.on('heartbeat', (details) => heartbeats.push(details));
      try {
        return { value: await environment.run(activity, question), heartbeats };
      } catch (error) {
        if (error instanceof ApplicationFailure) return { failure: error, heartbeats };
        throw error;
      }
    },
  };
}

/** The same with a simulator of its own, whose jobs are done at once unless they are held back. */
export async function activitiesOnSimulator(
  options: RigOptions & { simulator?: SimulatorOptions } = {},
): Promise<ActivityRig & { sim: Simulator; order: (stage?: 'queue' | 'run' | 'done') => Promise<string> }> {
  const sim = await startSimulator({ seed: 7, profiles: { '*': { queueMs: 0, runMs: 0 } }, ...options.simulator });
  onTestFinished(() => sim.close());
  const rig = activitiesAt(sim.url, options);
  return {
    ...rig,
    sim,
    /** Orders a clip that stays in this stage; gives its request id. */
    async order(stage = 'done') {
      if (stage !== 'done') {
        sim.setFaults([{ fault: stage === 'queue' ? 'stuck-in-queue' : 'stuck-running', step: 'submit' }]);
      }
      const { value, failure } = await rig.attempt(rig.activities.submitRequest, paidOrder);
      sim.setFaults([]);
      if (!value) throw new Error(`the order was not accepted: ${String(failure?.message)}`);
      return value.requestId;
    },
  };
}

/** First detail of a failure. */
export function detailsOf(attempt: Attempt<unknown>): ActivityFailureDetails {
  return attempt.failure?.details?.[0] ?? {};
}
