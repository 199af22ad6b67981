import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  ParentClosePolicy,
  patched,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import { labelMemo } from '../../domain/labels.ts';
import { maxWorkflowIdLength, pipelineGroupWorkflowType } from '../../domain/names.ts';
import type { StepAnswer } from '../../domain/pipeline-activities.ts';
import type { ItemState, StepFailure, StepState } from '../../domain/pipeline-run.ts';
import { hasStepEnded } from '../../domain/step-rules.ts';
import { messageOf } from '../../domain/text.ts';
import { isKeyTaken } from '../generation-child.ts';
import { labelsOfRun } from '../labels.ts';
import { maxQuestionBytes } from './bounds.ts';
import { stopBecauseOf, stopPipeline } from './cancellation.ts';
import type { GroupEnd, GroupOrder } from './group-messages.ts';
import { releaseGroup } from './group-wishes.ts';
import { untilNothingIsDue } from './interruptible.ts';
import { defect, type Group, type OpenOrder, type Pipeline, planOf, sourcesOfStep, stepState } from './memory.ts';
import { tellMoney } from './money.ts';
import { causeOf } from './place-order.ts';
import { enterStepPhase } from './visibility.ts';

/** A run that continues is handed its items as well, with all that they have made. */
const maxOrderBytes = maxQuestionBytes / 2;

/** A step whose items are known. */
export type SplitStep = StepState & { items: ItemState[] };

/** Whether the orders of a step are made in a group: they are many, and nothing runs beside them. */
export function isForGroup(pipeline: Pipeline, step: StepState, answer: StepAnswer): step is SplitStep {
  const { groupsAbove } = planOf(pipeline);
  if (groupsAbove === undefined || answer.kind !== 'orders' || step.items === undefined) return false;
  const reused = answer.orders.filter(({ kind }) => kind === 'reuse').length;
  if (step.items.filter((item) => !hasStepEnded(item)).length - reused <= groupsAbove) return false;
  const isNamed = groupId(pipeline, step).length <= maxWorkflowIdLength;
  return isNamed && isAlone(pipeline, step) && jsonBytes(orderOf(pipeline, step)) <= maxOrderBytes;
}

/** Also where an older worker ran the step before, whoever has checked the plan. */
export function mayUseGroups(pipeline: Pipeline): boolean {
  return (pipeline.mayUseGroups ??= patched('fan-outs-in-groups'));
}

/** Places, money and the stop are the group's own then. */
function isAlone(pipeline: Pipeline, step: StepState): boolean {
  const later = new Set([step.id]);
  for (const { id, steps } of planOf(pipeline).steps) if (steps.some((source) => later.has(source))) later.add(id);
  return pipeline.open.size === 0 && pipeline.state.steps.every((each) => later.has(each.id) || hasStepEnded(each));
}

/** The same after a reset, and another when the pipeline is run again. */
function groupId({ key }: Pipeline, { id }: StepState): string {
  return `${key}/${id}@${workflowInfo().firstExecutionRunId}`;
}

function orderOf(pipeline: Pipeline, step: StepState): GroupOrder {
  const { key, request, workflowStartedAt: startedAt, state, money, ordersMade, tries } = pipeline;
  const { plan: _, params: __, ...rest } = request;
  const { groupsAbove: ___, ...checked } = planOf(pipeline);
  const { outputs: ____, ...plan } = checked.plan;
  const sources = sourcesOfStep(pipeline, step.id);
  const own = plan.steps[step.id];
  if (own === undefined) throw defect(`the plan has no step ${step.id}`);
  return {
    ...{ key, id: step.id, request: rest, startedAt, deadlineAt: state.deadlineAt, money, ordersMade },
    checked: { ...checked, plan: { ...plan, steps: { [step.id]: own } }, steps: [sources], warnings: [] },
    steps: [...sources.steps.map((source) => stepState(pipeline, source)), step],
    tries: Object.fromEntries([...tries].filter(([name]) => name.startsWith(`${step.id}[`))),
  };
}

/** Has a group make the orders of a step, and settles it. False: they are to be made here. */
export async function runInGroup(pipeline: Pipeline, step: SplitStep): Promise<boolean> {
  await untilNothingIsDue(pipeline);
  if (pipeline.stop) return false;
  const group: Group = {
    id: groupId(pipeline, step),
    step,
    told: undefined,
    isReleased: false,
    isOver: false,
    end: undefined,
    asks: 0,
    replies: new Map(),
  };
  const open: OpenOrder = { key: group.id, id: step.id, index: undefined, isStarting: true, group };
  pipeline.groups.set(group.id, group);
  pipeline.open.add(open);
  try {
    const how = await follow(pipeline, group, open);
    if (how === 'taken' && !pipeline.stop) return handBack(pipeline, step);
    return settle(pipeline, group, how === 'taken' ? {} : how);
  } finally {
    group.isOver = true;
    pipeline.open.delete(open);
    pipeline.groups.delete(group.id);
  }
}

async function follow(pipeline: Pipeline, group: Group, open: OpenOrder): Promise<'taken' | { error?: unknown }> {
  try {
    const child = await startChild<(order: GroupOrder) => Promise<GroupEnd>>(pipelineGroupWorkflowType, {
      workflowId: group.id,
      taskQueue: workflowInfo().taskQueue,
      args: [orderOf(pipeline, group.step)],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      memo: labelMemo(labelsOfRun()),
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      staticSummary: `${String(group.step.items.length)} orders of ${group.step.id}`,
    });
    open.isStarting = false;
    group.end = await child.result();
    return {};
  } catch (error) {
    open.isStarting = false;
    if (!isKeyTaken(error)) return { error };
    // The run was reset to before its group.
    await releaseGroup(group);
    return 'taken';
  }
}

/**
 * What has not ended is made here: what is known of its keys is looked up, which tells more than was heard of it. What an
 * item's last try was before its group was released is its last.
 */
function handBack(pipeline: Pipeline, step: SplitStep): false {
  for (const { index } of step.items.filter((item) => !hasStepEnded(item) || item.phase === 'not_started')) {
    step.items[index] = { index, phase: 'waiting' };
    pipeline.tries.delete(`${step.id}[${String(index)}]`);
  }
  pipeline.money.reserved = 0;
  tellMoney(pipeline);
  const failed = step.items.find(({ phase }) => phase === 'failed');
  if (failed?.failure) stopBecauseOf(pipeline, step, failed.failure);
  return false;
}

/** False where its last news were not heard: then what became of the orders is found under their keys. */
function settle(pipeline: Pipeline, group: Group, { error }: { error?: unknown }): boolean {
  const { step, told, end } = group;
  // Stopped, and neither by an order of its own nor by this pipeline: somebody ended it.
  const isEndedByHand =
    end?.isStopped === true && !pipeline.stop && step.items.some(({ phase }) => phase !== 'succeeded');
  if (!isEndedByHand && told && hasStepEnded(told) && step.items.every((item) => hasStepEnded(item))) {
    const { phase, failure, reason, costUsd } = told;
    Object.assign(step, withoutUndefined({ reason, costUsd }));
    enterStepPhase(pipeline, step, phase, failure);
    if (failure && phase === 'failed') stopBecauseOf(pipeline, step, failure);
    return true;
  }
  if ((end?.isStopped === false || isRefused(error)) && !pipeline.stop) return handBack(pipeline, step);
  // What was let go runs on under its keys.
  if (!pipeline.stop?.detach) breakOff(pipeline, group, error);
  return true;
}

/** The group did not take its order. */
function isRefused(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof ApplicationFailure && cause.type === 'InvalidInput';
}

/** The group was ended from outside: what it had open may run, and may be billed. */
function breakOff(pipeline: Pipeline, { step, isOver }: Group, error: unknown): void {
  const { money } = pipeline;
  const why = error === undefined ? 'it was cancelled' : messageOf(causeOf(error));
  const message = `the workflow that made the orders of the step ended before they had: ${why}`;
  const failure: StepFailure = { type: 'GenerationCancelled', message, submission: 'unknown' };
  for (const item of step.items.filter((each) => !hasStepEnded(each))) {
    if (item.key === undefined && isOver) enterStepPhase(pipeline, item, 'not_started');
    else enterStepPhase(pipeline, item, 'failed', { ...failure, ...withoutUndefined({ key: item.key }) });
  }
  money.presumed += money.reserved;
  money.reserved = 0;
  tellMoney(pipeline);
  enterStepPhase(pipeline, step, 'failed', failure);
  // What it has spent is not known: nothing more is ordered, whatever the rule of the step.
  stopPipeline(pipeline, { kind: 'failed', step: step.id, failure });
}
