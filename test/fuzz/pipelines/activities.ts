import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createPipelineActivities } from '../../../activities/pipeline/index.ts';
import type { Activities } from '../../../domain/activities.ts';
import { isUnbilled } from '../../../domain/failure-details.ts';
import type { PipelineActivities } from '../../../domain/pipeline/pipeline-activities.ts';
import type { KeyStanding } from '../../../plans/deciding/parts.ts';
import type { ModelLookupOptions } from '../../../plans/model-facts.ts';
import type { Command, Job } from '../../support/workflow-sandbox.ts';
import { activityFailure } from './failures.ts';
import type { Provider } from './provider.ts';
import type { VirtualTime } from './virtual-time.ts';

type Result = NonNullable<NonNullable<Job['resolveActivity']>['result']>;

/** The activities of pipelines as a worker has them, on generations and files of the run's own. */
export function pipelineActivities(
  provider: Provider,
  isGone: (url: string) => boolean,
  lookup: ModelLookupOptions = {},
  attributes = { checked: [] as string[], existing: (): string[] => [] },
): PipelineActivities & Pick<Activities, 'listSearchAttributes'> {
  const ofPipelines = createPipelineActivities({
    lookup,
    validator: { validate: () => Promise.resolve({ issues: [], warnings: [] }) },
    generations: {
      orderOf: (key) => Promise.resolve(provider.newest(key)?.request),
      requestIdOf: () => Promise.resolve(undefined),
      standingOf: (key) => Promise.resolve(standingOf(provider, key)),
      follow: (key, signal) =>
        Promise.race([
          provider.follow(key),
          new Promise<never>((_, reject) => {
            signal.addEventListener('abort', () => {
              reject(signal.reason instanceof Error ? signal.reason : new Error('cancelled'));
            });
          }),
        ]),
      cancel: (key) => provider.cancel(key),
    },
    isGone: (url) => Promise.resolve(isGone(url)),
    searchAttributes: () => attributes.checked,
  });
  return { ...ofPipelines, listSearchAttributes: () => Promise.resolve({ existing: attributes.existing() }) };
}

function standingOf(provider: Provider, key: string): KeyStanding {
  const run = provider.newest(key);
  if (run === undefined) return { kind: 'unknown' };
  const { end, runId } = run;
  const startedAt = new Date(run.startedAt);
  if (end === undefined) return { kind: 'running' };
  if ('result' in end) return { kind: 'succeeded', result: end.result };
  const { failure } = end;
  const ended = { failure, startedAt };
  return isUnbilled(failure.submission) ? { kind: 'unbilled', runId, ...ended } : { kind: 'failed', ...ended };
}

/** An attempt of an activity, which may be cancelled. */
export function beginActivity(
  activities: object,
  name: string,
  question: unknown,
  info: { attempt?: number; scheduledTimestampMs?: number } = {},
): { done: Promise<unknown>; cancel: () => void } {
  const run = (activities as Record<string, ((question: unknown) => Promise<unknown>) | undefined>)[name];
  if (run === undefined) throw new Error(`there is no activity ${name}`);
  const environment = new MockActivityEnvironment(info, {
    client: acknowledging,
    logger: new DefaultLogger('ERROR', () => undefined),
  });
  return {
    done: environment.run(run, question),
    cancel: () => {
      environment.cancel();
    },
  };
}

/** How a local activity answers, and after how many milliseconds. */
export function localAnswer(
  activities: PipelineActivities,
  { activityType, arguments: args }: NonNullable<Command['scheduleLocalActivity']>,
  { isLost, time }: { isLost: boolean; time: VirtualTime },
): { ms: number; answer: () => Promise<Result> } {
  const question = defaultPayloadConverter.fromPayload<{ ms?: number }>(args?.[0] ?? {});
  const completed = (value: unknown): Result => ({
    completed: { result: defaultPayloadConverter.toPayload(value ?? null) },
  });
  const failed = (error: unknown): Result => ({ failed: { failure: activityFailure(error) } });
  if (activityType === 'breathe') return { ms: question.ms ?? 0, answer: () => Promise.resolve(completed(null)) };
  return {
    ms: time.random() * 60,
    answer: () =>
      isLost
        ? Promise.resolve(failed(new Error('the answer was lost')))
        : beginActivity(activities, activityType ?? '', question).done.then(completed, failed),
  };
}

/** Stands for Temporal's server, which takes every heartbeat. */
const acknowledging = {
  withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
  withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
  activity: { heartbeat: () => Promise.resolve() },
} as unknown as Client;
