import type { PipelineActivities } from '../../../domain/pipeline/pipeline-activities.ts';
import type { PipelineRequest, PipelineResult, PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import type { Sandbox, SandboxExecution } from '../../support/workflow-sandbox.ts';
import type { Provider } from './provider.ts';
import type { Task } from './replay.ts';
import type { VirtualTime } from './virtual-time.ts';

/** Temporal's part for one pipeline: tasks, timers, activities, children, messages, and runs that continue. */
export interface Execution {
  readonly key: string;
  readonly children: { key: string; startedAt: number; state: PipelineState | undefined }[];
  readonly end: { result: PipelineResult } | { error: Error } | undefined;
  readonly runs: number;
  /** Events that the history of each run would have. */
  readonly events: readonly number[];
  /** Workflow tasks of its last run. */
  readonly tasks: readonly Task[];
  state: () => Promise<PipelineState>;
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
  /** Default `runcomfyPipeline`; it answers the query `state` as well. */
  workflowType?: string;
  /** What an earlier run hands on. */
  carried?: object;
  memo?: Record<string, unknown>;
  /** What is told of a run that Temporal has retried, or reset. */
  run?: Pick<SandboxExecution, 'attempt' | 'originalExecutionRunId'> | undefined;
  /** Of a workflow task; default: as our client starts pipelines. */
  taskTimeoutMs?: number | undefined;
  /** Workflow tasks after which a run is asked to continue. */
  tasksPerRun: number;
  /** Attempts of activities, counted from 0, whose answer is lost with their worker. */
  lostAnswers: readonly number[];
  /** The state is asked for at each order. */
  isWatched?: boolean;
  /** A query comes with each workflow task, and is answered beside its local activities. */
  isAsked?: boolean | undefined;
}
