import type { PipelineActivities } from '../../../domain/pipeline-activities.ts';
import type { PipelineRequest, PipelineResult, PipelineState } from '../../../domain/pipeline-run.ts';
import type { Sandbox } from '../../support/workflow-sandbox.ts';
import type { Provider } from './provider.ts';
import type { VirtualTime } from './virtual-time.ts';

/** An order that a pipeline has started, itself or by a group. */
export interface Child {
  key: string;
  startedAt: number;
  /** What pipeline and group told together when it was started. */
  state: PipelineState | undefined;
  /** The group that started it, and when that heard of a cancel. */
  group?: Execution;
  groupCancelledAt?: number;
}

/** Temporal's part for one pipeline: tasks, timers, activities, children, messages, and runs that continue. */
export interface Execution {
  readonly key: string;
  readonly children: Child[];
  readonly groups: readonly Execution[];
  readonly end: { result: PipelineResult } | { error: Error } | undefined;
  readonly runs: number;
  /** Events that the history of each run would have. */
  readonly events: readonly number[];
  state: () => Promise<PipelineState>;
  /** The state, with what groups have not told yet; of one that was terminated, what they would have told. */
  toldTogether: () => Promise<PipelineState>;
  signal: (name: string, payload: unknown) => void;
  /** Undefined: the pipeline ended before it answered; a refusal is an error. */
  update: (name: string, payload: unknown) => Promise<unknown>;
  cancel: () => void;
  terminate: () => void;
  dispose: () => Promise<void>;
}

export interface ExecutionSettings {
  sandbox: Sandbox;
  time: VirtualTime;
  provider: Provider;
  activities: PipelineActivities;
  id: string;
  key: string;
  request: PipelineRequest;
  /** Of what was reset: the run that its history began with. */
  firstExecutionRunId?: string;
  /** What an earlier run hands on. */
  carried?: object;
  /** Workflow tasks after which a run is asked to continue. */
  tasksPerRun: number;
  /** Attempts of activities, counted from 0, whose answer is lost with their worker. */
  lostAnswers: readonly number[];
  /** The state is asked for at each order. */
  isWatched?: boolean;
  /** Whether a signal from one workflow to another is taken and not read. */
  isLost?: (signalName: string) => boolean;
  /** Whether a signal from one workflow to another cannot be read. */
  isGarbled?: (signalName: string) => boolean;
  /** Its history is of a worker that knew no patch. */
  isOfOldWorker?: boolean;
  /** All executions that are open or were, by their Workflow IDs. */
  world?: Map<string, Execution>;
  /** Set for a group. */
  group?: {
    args: unknown[];
    parent: string;
    owner: string;
    adopt: (key: string) => Promise<void>;
    isEndOf: (end: NonNullable<Execution['end']>) => void;
  };
}
