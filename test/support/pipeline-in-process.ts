import { ApplicationFailure } from '@temporalio/common';
import { afterAll, beforeAll, inject } from 'vitest';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import type { PipelineRequest, PipelineState, StepState } from '../../domain/pipeline/pipeline-run.ts';
import type { ModelLookupOptions } from '../../plans/model-facts.ts';
import { pipelineActivities } from '../fuzz/pipelines/activities.ts';
import type { Execution, ExecutionSettings } from '../fuzz/pipelines/execution-types.ts';
import { startExecution } from '../fuzz/pipelines/execution.ts';
import { createProvider, type Fate, type Pace, type Provider } from '../fuzz/pipelines/provider.ts';
import { createVirtualTime, type VirtualTime } from '../fuzz/pipelines/virtual-time.ts';
import { openSandbox, type Sandbox } from './workflow-sandbox.ts';

/** One in-process pipeline: its execution, its clock, and the provider's books. */
export interface InProcess {
  execution: Execution;
  time: VirtualTime;
  provider: Provider;
  /** Runs it to its end and disposes of it. */
  end: () => Promise<{ state: PipelineState; end: NonNullable<Execution['end']> }>;
}

export interface InProcessOptions {
  fates?: readonly Fate[];
  seed?: number;
  tasksPerRun?: number;
  time?: VirtualTime;
  provider?: Provider;
  pace?: Pace;
  /** Whether a file is no longer available; default: all are available. */
  isGone?: (url: string) => boolean;
  /** The model catalogue; default: none. */
  lookup?: ModelLookupOptions;
  memo?: Record<string, unknown>;
  run?: ExecutionSettings['run'];
  taskTimeoutMs?: number;
  /** Send a query with each workflow task. */
  isAsked?: boolean;
  /**
   * How often these activities are given up before they answer, as by `temporal activity fail`, or with a failure of
   * `type`.
   */
  givenUp?: { asks: number; activities: readonly (keyof PipelineActivities)[]; type?: string };
  /** Our search attributes that exist when the plan is checked, and whenever Temporal is asked later. */
  attributes?: { checked: string[]; existing: () => string[] };
  /** What an earlier run carries over. */
  carried?: (activities: PipelineActivities) => Promise<object>;
}

/** Starts pipelines in a sandbox shared by all tests of a file. */
export function pipelinesInProcess(): (
  request: PipelineRequest | { plan: object },
  options?: InProcessOptions,
) => Promise<InProcess> {
  let sandbox: Sandbox;
  let started = 0;
  beforeAll(async () => {
    sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
  });
  afterAll(() => sandbox.close());
  return async (request, options = {}) => {
    const { fates = ['succeeds'], seed = 1, tasksPerRun = 100_000 } = options;
    const time = options.time ?? createVirtualTime(seed);
    const provider =
      options.provider ?? createProvider(time, (order) => fates[order % fates.length] ?? 'succeeds', options.pace);
    started += 1;
    const { isGone = () => false, lookup, attributes } = options;
    const whole = pipelineActivities(provider, isGone, lookup, attributes);
    const activities = options.givenUp ? givingUp(whole, options.givenUp) : whole;
    const carried = await options.carried?.(activities);
    const execution = await startExecution({
      sandbox,
      time,
      provider,
      activities,
      id: `in-process-${String(started)}`,
      key: 'film',
      request,
      tasksPerRun,
      lostAnswers: [],
      ...(carried && { carried }),
      ...(options.memo && { memo: options.memo }),
      taskTimeoutMs: options.taskTimeoutMs,
      run: options.run,
      isAsked: options.isAsked,
    });
    return {
      execution,
      time,
      provider,
      async end() {
        await time.run(() => execution.end !== undefined);
        const { end } = execution;
        if (end === undefined) throw new Error('the pipeline never ended');
        await execution.dispose();
        return { state: await execution.state(), end };
      },
    };
  };
}

function givingUp(
  whole: PipelineActivities,
  { asks, activities, type }: NonNullable<InProcessOptions['givenUp']>,
): PipelineActivities {
  const failure = { message: 'it looked stuck', nonRetryable: true, ...(type !== undefined && { type }) };
  const failing = activities.map((name) => {
    let left = asks;
    const call = whole[name] as (question: unknown) => Promise<unknown>;
    const answer = (question: unknown) => {
      left -= 1;
      return left < 0 ? call(question) : Promise.reject(ApplicationFailure.create(failure));
    };
    return [name, answer] as const;
  });
  return { ...whole, ...Object.fromEntries(failing) };
}

/** A step of a state by its id. */
export function stepOf({ steps }: PipelineState, id: string): StepState {
  const step = steps.find((each) => each.id === id);
  if (step === undefined) throw new Error(`the state has no step ${id}`);
  return step;
}
