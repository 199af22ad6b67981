import { afterAll, beforeAll, inject } from 'vitest';
import { withoutUndefined } from '../../domain/json.ts';
import type { PipelineActivities } from '../../domain/pipeline-activities.ts';
import type { PipelineRequest, PipelineState, StepState } from '../../domain/pipeline-run.ts';
import { pipelineActivities } from '../fuzz/pipelines/activities.ts';
import type { Execution } from '../fuzz/pipelines/execution-types.ts';
import { startExecution } from '../fuzz/pipelines/execution.ts';
import { createProvider, type Fate, type Pace, type Provider } from '../fuzz/pipelines/provider.ts';
import { createVirtualTime, type VirtualTime } from '../fuzz/pipelines/virtual-time.ts';
import { openSandbox, type Sandbox } from './workflow-sandbox.ts';

/** One pipeline in process: its execution, the clock it runs on, and the provider's books. */
export interface InProcess {
  execution: Execution;
  time: VirtualTime;
  provider: Provider;
  /** As Temporal knows it: for what is reset. */
  identity: { firstExecutionRunId: string; world: Map<string, Execution> };
  /** Lets it run to its end, and closes it. */
  end: () => Promise<{ state: PipelineState; end: NonNullable<Execution['end']> }>;
}

export interface InProcessOptions {
  fates?: readonly Fate[];
  seed?: number;
  tasksPerRun?: number;
  time?: VirtualTime;
  provider?: Provider;
  pace?: Pace;
  /** Whether a file is no longer to be had; default: none is. */
  isGone?: (url: string) => boolean;
  /** Orders above which a fan-out makes them in a group; default: as a worker has it. */
  groupsAbove?: number;
  /** Whether a signal from one workflow to another is taken and not read. */
  isLost?: (signalName: string) => boolean;
  /** Whether a signal from one workflow to another cannot be read. */
  isGarbled?: (signalName: string) => boolean;
  /** Its history is of a worker that knew no patch. */
  isOfOldWorker?: boolean;
  /** Another, which this one is the reset of, to before its first event. */
  resetOf?: InProcess;
  /** What an earlier run hands on. */
  carried?: (activities: PipelineActivities) => Promise<object>;
}

/** Starts pipelines in the sandbox that all tests of a file share. */
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
    const time = options.time ?? options.resetOf?.time ?? createVirtualTime(seed);
    const provider =
      options.provider ??
      options.resetOf?.provider ??
      createProvider(time, (order) => fates[order % fates.length] ?? 'succeeds', options.pace);
    started += 1;
    const id = `in-process-${String(started)}`;
    const identity = options.resetOf?.identity ?? { firstExecutionRunId: `${id}-1`, world: new Map() };
    const activities = pipelineActivities(provider, options.isGone ?? (() => false), options.groupsAbove);
    const carried = await options.carried?.(activities);
    const execution = await startExecution({
      sandbox,
      time,
      provider,
      activities,
      id,
      world: identity.world,
      ...(options.resetOf && { firstExecutionRunId: identity.firstExecutionRunId }),
      key: 'film',
      request,
      tasksPerRun,
      lostAnswers: [],
      ...withoutUndefined({
        isLost: options.isLost,
        isGarbled: options.isGarbled,
        isOfOldWorker: options.isOfOldWorker,
      }),
      ...(carried && { carried }),
    });
    return {
      execution,
      time,
      provider,
      identity,
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

/** A step of a state by its id. */
export function stepOf({ steps }: PipelineState, id: string): StepState {
  const step = steps.find((each) => each.id === id);
  if (step === undefined) throw new Error(`the state has no step ${id}`);
  return step;
}
