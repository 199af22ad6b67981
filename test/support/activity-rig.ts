import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { vi } from 'vitest';
import { type ActivityDeps, createActivities, type KeptRequestId } from '../../activities/index.ts';
import type { ActivityFailureDetails, StatusReading, SubmitHeartbeat, SubmitOrder } from '../../domain/activities.ts';
import { createRunComfyClient, type RunComfyClientOptions } from '../../runcomfy/client.ts';
import { createInputValidator } from '../../runcomfy/models/index.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { acknowledgingClient, plainActivityDeps } from './activity-deps.ts';
import { kling, klingInput } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';

/** The token of the ordering account. */
export const token = 'sim-activity-7f3a91c0';

export const paidOrder: SubmitOrder = { model: kling, input: klingInput, firstExecutionRunId: 'first-run' };

/** How one attempt of an activity ended, and the heartbeats it recorded. */
export interface Attempt<T> {
  value?: T;
  failure?: ApplicationFailure;
  heartbeats: unknown[];
}

export interface ActivityRig {
  activities: ReturnType<typeof createActivities>;
  /** Runs one attempt of an activity, as a worker does. */
  attempt: <Q, T>(activity: (question: Q) => Promise<T>, question: Q, info?: Partial<Info>) => Promise<Attempt<T>>;
  /** Cancels the latest attempt. */
  cancel: () => void;
  /** Heartbeats that the server was asked to acknowledge. */
  acknowledged: SubmitHeartbeat[];
  /** Request ids that were handed over to be kept. */
  kept: KeptRequestId[];
}

export interface RigOptions {
  client?: Partial<RunComfyClientOptions>;
  deps?: Partial<ActivityDeps>;
  /** Stands in for Temporal: acknowledges a heartbeat, or refuses it by throwing. */
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
    ...plainActivityDeps(runcomfy),
    validator: createInputValidator({ getModel: (id) => runcomfy.getModel(id), timeoutMs: 5_000 }),
    searchAttributes: () => ['RunComfyModel'],
    keepRequestId: (id) => {
      kept.push(id);
      return Promise.resolve();
    },
    ...options.deps,
  });
  const client = acknowledgingClient(async (details) => {
    await options.onHeartbeat?.(details);
    acknowledged.push(details);
  });

  let latest: MockActivityEnvironment | undefined;

  return {
    activities,
    acknowledged,
    kept,
    cancel: () => latest?.cancel(),
    async attempt(activity, question, info) {
      const logger = new DefaultLogger('ERROR', () => undefined);
      const environment = new MockActivityEnvironment(
        { currentAttemptScheduledTimestampMs: Date.now(), scheduleToCloseTimeoutMs: 0, ...info },
        { client, logger },
      );
      latest = environment;
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

/** Like `activitiesAt`, with a simulator of its own, whose jobs finish at once unless they are held back. */
export async function activitiesOnSimulator(
  options: RigOptions & { simulator?: SimulatorOptions } = {},
): Promise<ActivityRig & { sim: Simulator; order: (stage?: 'queue' | 'run' | 'done') => Promise<string> }> {
  const sim = await startSimulator({ seed: 7, profiles: { '*': { queueMs: 0, runMs: 0 } }, ...options.simulator });
  onTestFinished(() => sim.close());
  const rig = activitiesAt(sim.url, options);
  return {
    ...rig,
    sim,
    /** Orders a clip that stays in the given stage; returns its request id. */
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

/** The first entry in the `details` of a failure. */
export function detailsOf(attempt: Attempt<unknown>): ActivityFailureDetails {
  return attempt.failure?.details?.[0] ?? {};
}

/**
 * Asks four more times while `ms` pass, since only a state that was asked for repeatedly counts as lasting. For tests
 * with a mocked clock.
 */
export async function askOn<T>(
  ms: number,
  first: Attempt<T>,
  again: (before: Attempt<T>, nth: number) => Promise<Attempt<T>>,
): Promise<Attempt<T>> {
  let last = first;
  for (const nth of [2, 3, 4, 5]) {
    // Each attempt takes a little time of its own, never exactly the same.
    vi.setSystemTime(Date.now() + ms / 4 + 100);
    last = await again(last, nth);
  }
  return last;
}

/** The next attempt of `readStatus`, which receives the last heartbeat of the previous attempts. */
export function readAgain(
  { activities, attempt }: ActivityRig,
  requestId: string,
  before: Attempt<unknown>,
  nth = 2,
): Promise<Attempt<StatusReading>> {
  const heartbeatDetails = before.heartbeats.at(-1);
  return attempt(activities.readStatus, { model: kling, requestId }, { attempt: nth, heartbeatDetails });
}
