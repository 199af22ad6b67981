import { defaultPayloadConverter } from '@temporalio/common';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { pipelineGroupWorkflowType } from '../../../domain/names.ts';
import type { PipelineState } from '../../../domain/pipeline-run.ts';
import type { Command, Job } from '../../support/workflow-sandbox.ts';
import type { Execution, ExecutionSettings } from './execution-types.ts';
import { alreadyExists, childFailure, groupFailure, unheardFailure } from './failures.ts';

type Start = NonNullable<Command['startChildWorkflowExecution']>;

/** What the children of an execution need of it. */
export interface ChildrenHost {
  settings: ExecutionSettings;
  world: Map<string, Execution>;
  start: (settings: ExecutionSettings) => Promise<Execution>;
  state: () => Promise<PipelineState>;
  isTerminated: () => boolean;
  /** Has the run that is open now hear of something, and none after it. */
  hearer: () => (job: Job) => void;
  /** Books what the run has under way; the answer closes it, and tells whether it was. */
  open: (name: string) => () => boolean;
}

/** Temporal's part for children: generations, and groups, which are executions that signal with their pipeline. */
export function createChildren({ settings, world, start, state, isTerminated, hearer, open: begin }: ChildrenHost) {
  const {
    time,
    provider,
    id,
    key,
    isWatched,
    group: ownGroup,
    isLost = () => false,
    isGarbled = () => false,
  } = settings;
  const soon = (run: () => void) => {
    time.after(time.random() * 30, run);
  };
  const children: Execution['children'] = [];
  const groups: Execution[] = [];
  const open = new Set<string>();

  /** Books an order that the pipeline has started, itself or by a group. */
  async function adopt(childKey: string, group?: Execution): Promise<void> {
    const told = isWatched ? await toldTogether() : undefined;
    children.push({ key: childKey, startedAt: time.now, state: told, ...(group && { group }) });
  }

  async function toldTogether(): Promise<PipelineState> {
    const told = await state();
    const newest = groups.at(-1);
    if (newest === undefined || (newest.end && !isTerminated())) return told;
    const { costUsd, reservedUsd, steps } = await newest.state();
    const own = steps.at(-1);
    return { ...told, costUsd, reservedUsd, steps: told.steps.map((step) => (own?.id === step.id ? own : step)) };
  }

  async function startChild(order: Start): Promise<void> {
    if (order.workflowType === pipelineGroupWorkflowType) await startGroup(order);
    else await startGeneration(order);
  }

  async function startGeneration({
    seq: number,
    workflowId,
    workflowType,
    input,
    workflowIdReusePolicy,
  }: Start): Promise<void> {
    const [seq, childKey, hear] = [number ?? 0, workflowId ?? '', hearer()];
    const known = provider.newest(childKey);
    const mayStart =
      known === undefined ||
      (Number(workflowIdReusePolicy) !== 3 /* REJECT_DUPLICATE */ && known.end && 'failure' in known.end);
    if (!mayStart) {
      const failed = { workflowId: childKey, workflowType: workflowType ?? '', cause: alreadyExists };
      soon(() => {
        hear({ resolveChildWorkflowExecutionStart: { seq, failed } });
      });
      return;
    }
    await (ownGroup?.adopt ?? adopt)(childKey);
    open.add(childKey);
    const finish = begin(`child ${childKey}`);
    const started = provider.start({
      key: childKey,
      parent: ownGroup?.owner ?? id,
      request: defaultPayloadConverter.fromPayload<GenerationRequest>(input?.[0] ?? {}),
      isEndOf(how, child) {
        open.delete(childKey);
        const isTerminated = child.fate === 'is terminated';
        const result =
          'result' in how
            ? { completed: { result: defaultPayloadConverter.toPayload(how.result) } }
            : { failed: { failure: childFailure(childKey, how.failure, isTerminated) } };
        soon(() => {
          if (finish()) hear({ resolveChildWorkflowExecution: { seq, result } });
        });
      },
    });
    soon(() => {
      hear({ resolveChildWorkflowExecutionStart: { seq, succeeded: { runId: started.runId } } });
    });
  }

  async function startGroup({ seq: number, workflowId, input }: Start): Promise<void> {
    const [seq, groupKey, hear] = [number ?? 0, workflowId ?? '', hearer()];
    if (world.has(groupKey)) {
      const failed = { workflowId: groupKey, workflowType: pipelineGroupWorkflowType, cause: alreadyExists };
      soon(() => {
        hear({ resolveChildWorkflowExecutionStart: { seq, failed } });
      });
      return;
    }
    const finish = begin(`child ${groupKey}`);
    const started: { group?: Execution } = {};
    const { carried: _, firstExecutionRunId: __, ...shared } = settings;
    started.group = await start({
      ...shared,
      world,
      id: `${id}-group-${String(groups.length + 1)}`,
      key: groupKey,
      group: {
        args: (input ?? []).map((payload) => defaultPayloadConverter.fromPayload(payload)),
        parent: key,
        owner: id,
        adopt: (childKey) => adopt(childKey, started.group),
        isEndOf(how) {
          const result =
            'result' in how
              ? { completed: { result: defaultPayloadConverter.toPayload(how.result) } }
              : { failed: { failure: groupFailure(groupKey, how.error) } };
          soon(() => {
            if (finish()) hear({ resolveChildWorkflowExecution: { seq, result } });
          });
        },
      },
    });
    groups.push(started.group);
    soon(() => {
      hear({ resolveChildWorkflowExecutionStart: { seq, succeeded: { runId: `${groupKey}-1` } } });
    });
  }

  function deliver({
    seq,
    workflowExecution,
    signalName,
    args,
  }: NonNullable<Command['signalExternalWorkflowExecution']>): void {
    const hear = hearer();
    soon(() => {
      const target = world.get(workflowExecution?.workflowId ?? '');
      const isHeard = target !== undefined && target.end === undefined;
      if (isHeard && !isLost(signalName ?? ''))
        target.signal(
          signalName ?? '',
          isGarbled(signalName ?? '') ? undefined : defaultPayloadConverter.fromPayload(args?.[0] ?? {}),
        );
      hear({ resolveSignalExternalWorkflow: { seq: seq ?? 0, ...(!isHeard && { failure: unheardFailure }) } });
    });
  }

  /** The close policy of every child. */
  function cancelAll(): void {
    for (const child of open) provider.requestCancel(child);
    for (const group of groups) group.cancel();
  }

  return { children, groups, startChild, deliver, cancelAll, toldTogether };
}
