import { readFile } from 'node:fs/promises';
import { defaultPayloadConverter, mapToPayloads, toPayloads, TypedSearchAttributes } from '@temporalio/common';
import { msNumberToTs } from '@temporalio/common/lib/time.js';
import proto, { type coresdk } from '@temporalio/proto';
import { DefaultLogger } from '@temporalio/worker';
import { parseWorkflowCode } from '@temporalio/worker/lib/worker.js';
import { ReusableVMWorkflowCreator } from '@temporalio/worker/lib/workflow/reusable-vm.js';
import { ThreadedVMWorkflowCreator } from '@temporalio/worker/lib/workflow/threaded-vm.js';
import Long from 'long';
import { withoutUndefined } from '../../domain/json.ts';

/** What happens to a workflow, and what it asks for, in the types of Temporal's core. */
export type Job = coresdk.workflow_activation.IWorkflowActivationJob;
export type Command = coresdk.workflow_commands.IWorkflowCommand;

/** Runs workflows as in a worker, but without a server: the test decides what happens to them, and when. */
export interface Sandbox {
  open: (execution: SandboxExecution) => Promise<SandboxRun>;
  close: () => Promise<void>;
}

export interface SandboxExecution {
  workflowType: string;
  workflowId: string;
  runId: string;
  args: unknown[];
  now: number;
  /** When the first run of the chain started; default: `now`. */
  startedAt?: number;
  continuedFromExecutionRunId?: string | undefined;
  /** The first run of the chain; default: this one. */
  firstExecutionRunId?: string;
  /** The run that was reset; default: this one. */
  originalExecutionRunId?: string;
  /** Above 1 if Temporal retried a run that failed or timed out. */
  attempt?: number;
  /** Delay between its start and its first workflow task: a start delay, or the interval of a cron schedule. */
  delayMs?: number;
  /** Default: none. */
  runTimeoutMs?: number;
  memo?: Record<string, unknown> | undefined;
  /** Default: 30 s. */
  taskTimeoutMs?: number | undefined;
}

/** One run of a workflow. */
export interface SandboxRun {
  /** The first job to pass to `activate`. */
  first: Job;
  /** The SDK's internal flags it has used so far. */
  flags: ReadonlySet<number>;
  /** The metrics it has recorded so far. */
  metrics: readonly SandboxMetric[];
  /** The warnings it has logged so far. */
  warnings: readonly SandboxWarning[];
  /** Runs one workflow task; throws if it fails. */
  activate: (jobs: Job[], at: Moment) => Promise<Command[]>;
  query: (name: string, ...args: unknown[]) => Promise<unknown>;
  dispose: () => Promise<void>;
}

export interface SandboxMetric {
  name: string;
  value: number;
  tags: Record<string, unknown>;
}

export interface SandboxWarning {
  message: string;
  attributes: Record<string, unknown>;
}

export interface Moment {
  now: number;
  isContinueAsNewSuggested?: boolean;
  /** Bytes; default: 0. */
  historySize?: number;
  isReplaying?: boolean;
  /** Number of new events in the history; default: as many as a task with these jobs adds. */
  events?: number;
  /** Set if no new task begins. By default one does, and no two begin at the same time. */
  isOfNoTask?: boolean;
  /** The SDK's internal flags that the replayed run used. */
  flags?: ReadonlySet<number>;
}

const taskQueue = 'in-process';
/** No time limit: Node starts a watchdog thread for each call that has one. */
const longestTaskMs = undefined as unknown as number;
const localActivities = new Set([
  'breathe',
  'checkWebhook',
  'listSearchAttributes',
  'prepareStep',
  'recallSubmit',
  'settleReservations',
]);

type Creator = Pick<ThreadedVMWorkflowCreator, 'createWorkflow'>;

/** Loads the bundled workflows into worker threads, as a worker does, or into the current thread. */
export async function openSandbox(
  bundle: { code: string } | { codePath: string },
  threads: number | 'here' = 1,
): Promise<Sandbox> {
  const code = 'code' in bundle ? bundle.code : await readFile(bundle.codePath, 'utf8');
  // The SDK looks up where each promise was created; with an empty source map there is nothing to look up.
  const sourceMap = { version: 3, file: '', sources: [], names: [], mappings: '' };
  const workflowBundle = { ...parseWorkflowCode(code), sourceMap };
  const creator =
    threads === 'here'
      ? await ReusableVMWorkflowCreator.create(workflowBundle, longestTaskMs, localActivities)
      : await ThreadedVMWorkflowCreator.create({
          workflowBundle,
          threadPoolSize: threads,
          isolateExecutionTimeoutMs: longestTaskMs,
          reuseV8Context: true,
          registeredActivityNames: localActivities,
          logger: new DefaultLogger('ERROR', () => undefined),
        });
  const open = new Set<SandboxRun>();
  return {
    async open(execution) {
      const run = await openRun(creator, execution);
      open.add(run);
      const dispose = () => {
        open.delete(run);
        return run.dispose();
      };
      return { ...run, dispose };
    },
    async close() {
      for (const run of open) await run.dispose();
      await creator.destroy();
    },
  };
}

async function openRun(creator: Creator, execution: SandboxExecution): Promise<SandboxRun> {
  const { workflowType, workflowId, runId, args, now, startedAt = now, continuedFromExecutionRunId, memo } = execution;
  const {
    firstExecutionRunId = runId,
    originalExecutionRunId = runId,
    attempt = 1,
    taskTimeoutMs = 30_000,
    delayMs,
    runTimeoutMs,
  } = execution;
  const workflow = await creator.createWorkflow({
    info: {
      workflowType,
      workflowId,
      runId,
      taskQueue,
      namespace: 'default',
      firstExecutionRunId,
      originalExecutionRunId,
      ...(continuedFromExecutionRunId !== undefined && { continuedFromExecutionRunId }),
      searchAttributes: {},
      typedSearchAttributes: new TypedSearchAttributes(),
      startTime: new Date(startedAt),
      runStartTime: new Date(now),
      taskTimeoutMs,
      ...withoutUndefined({ cronScheduleToScheduleInterval: delayMs, runTimeoutMs }),
      attempt,
      historyLength: 3,
      historySize: 1,
      continueAsNewSuggested: false,
      targetWorkerDeploymentVersionChanged: false,
      unsafe: { isReplaying: false, isReplayingHistoryEvents: false },
    } as unknown as Parameters<Creator['createWorkflow']>[0]['info'],
    randomnessSeed: [1, 2, 3, 4, 5, 6, 7, 8],
    now,
    showStackTraceSources: false,
  });
  const flags = new Set<number>();
  const activate = async (activation: coresdk.workflow_activation.IWorkflowActivation) => {
    const { successful, failed } = await workflow.activate({ runId, ...activation });
    for (const flag of successful?.usedInternalFlags ?? []) flags.add(flag);
    if (failed)
      throw new Error(`a workflow task failed: ${failed.failure?.message ?? ''} ${failed.failure?.stackTrace ?? ''}`);
    return successful?.commands ?? [];
  };
  let historyLength = 3;
  let tasks = 0;
  const metrics: SandboxMetric[] = [];
  const warnings: SandboxWarning[] = [];
  return {
    flags,
    metrics,
    warnings,
    first: {
      initializeWorkflow: {
        workflowType,
        workflowId,
        arguments: toPayloads(defaultPayloadConverter, ...args) ?? [],
        firstExecutionRunId,
        attempt,
        ...(memo && { memo: { fields: mapToPayloads(defaultPayloadConverter, memo) } }),
        ...(continuedFromExecutionRunId !== undefined && { continuedFromExecutionRunId }),
      },
    },
    async activate(jobs, at) {
      historyLength += at.events ?? 3 + jobs.length;
      if (at.isOfNoTask !== true) tasks += 1;
      const timestamp = msNumberToTs(at.now);
      const commands = await activate({
        timestamp: { ...timestamp, nanos: (timestamp.nanos ?? 0) + tasks },
        jobs,
        historyLength,
        ...(at.historySize !== undefined && { historySizeBytes: Long.fromNumber(at.historySize) }),
        continueAsNewSuggested: at.isContinueAsNewSuggested ?? false,
        isReplaying: at.isReplaying ?? false,
        availableInternalFlags: [...(at.flags ?? [])],
      });
      for (const { ifaceName, fnName, args } of await workflow.getAndResetSinkCalls()) {
        if (ifaceName === '__temporal_logger' && fnName === 'warn') {
          const [message, attributes] = args as [string, Record<string, unknown>];
          // Ignores the SDK's own warning when a workflow fails.
          if (attributes['sdkComponent'] === 'workflow') warnings.push({ message, attributes });
        }
        if (ifaceName !== '__temporal_metrics') continue;
        const [name, value, tags] = [args[0], ...args.slice(-2)] as [string, number, Record<string, unknown>];
        metrics.push({ name, value, tags });
      }
      return commands;
    },
    async query(queryType, ...given) {
      const queried = { queryId: 'q', queryType, arguments: toPayloads(defaultPayloadConverter, ...given) ?? [] };
      const [command] = await activate({ jobs: [{ queryWorkflow: queried }] });
      const { succeeded, failed } = command?.respondToQuery ?? {};
      if (failed) throw new Error(`the query failed: ${failed.message ?? ''}`);
      const response = succeeded?.response;
      return response ? defaultPayloadConverter.fromPayload(response) : undefined;
    },
    dispose: () => workflow.dispose(),
  };
}

/** Removes and returns the timer that is due first; undefined if none is due by `until`. */
export function takeDue(timers: Map<number, number>, until: number): { seq: number; at: number } | undefined {
  const [due] = [...timers].filter(([, at]) => at <= until).sort(([, a], [, b]) => a - b);
  if (!due) return undefined;
  const [seq, at] = due;
  timers.delete(seq);
  return { seq, at };
}

/** Size of a command's payloads in bytes, as Temporal measures it. */
export function bytesHandedOn(command: Command): number {
  const { scheduleActivity, scheduleLocalActivity, continueAsNewWorkflowExecution, startChildWorkflowExecution } =
    command;
  const payloads =
    (scheduleActivity ?? scheduleLocalActivity ?? continueAsNewWorkflowExecution)?.arguments ??
    startChildWorkflowExecution?.input ??
    [];
  return proto.temporal.api.common.v1.Payloads.encode({ payloads }).finish().length;
}
