import { patched, workflowInfo } from '@temporalio/workflow';
import { type Bill, billOf } from '../../domain/budget/settlement.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { batchItemMemoKey } from '../../domain/names.ts';
import type { FollowAnswer, PreparedOrder, ReusedResult } from '../../domain/pipeline/pipeline-activities.ts';
import type { ItemState, OrderState, StepFailure, StepState } from '../../domain/pipeline/pipeline-run.ts';
import type { PlanModelStep, PlanOrder } from '../../domain/pipeline/pipeline.ts';
import { mayOrderFurther } from '../../domain/pipeline/step-rules.ts';
import { breathe } from './breath.ts';
import { learnFromEnds, stopBecauseOf } from './cancellation.ts';
import { untilNothingIsDue } from './interruptible.ts';
import { type OpenOrder, type Pipeline, planOf } from './memory.ts';
import { giveBack, refusalByCost, reserve, settle, wasStopped } from './money.ts';
import { followOrder, placeOrder } from './place-order.ts';
import { findUnbilledRun, prepareStep } from './prepare-step.ts';
import type { Slots } from './slots.ts';
import { enterStepPhase } from './visibility.ts';

/** One order of a step, with all attempts and fallbacks. */
export interface ItemOfStep {
  step: StepState;
  plan: PlanModelStep;
  /** Holds its state: the step itself, or an item of it. */
  target: StepState | ItemState;
  index: number | undefined;
  slots: Slots;
}

type Ready = Exclude<PreparedOrder, { kind: 'failed' }>;

/** Makes the order of an item, and further ones if that is allowed, until one succeeds or none may follow. */
export async function runItem(pipeline: Pipeline, item: ItemOfStep, first: PreparedOrder): Promise<void> {
  const { target, plan } = item;
  const name = item.index === undefined ? item.step.id : `${item.step.id}[${String(item.index)}]`;
  let tries = pipeline.tries.get(name) ?? target.attempts?.length ?? 0;
  let prepared: PreparedOrder | undefined = tries === 0 ? first : await prepareFurther(pipeline, item, first, tries);
  if (tries === 0 && 'tries' in first) tries = first.tries ?? 0;
  for (;;) {
    const end = prepared && (await fulfil(pipeline, item, prepared, orderOf(plan, tries)));
    if (prepared === undefined || end === undefined || end === 'not_started') {
      // The pipeline stops before another attempt, so the previous one was the last.
      enterStepPhase(pipeline, target, target.failure ? 'failed' : 'not_started');
      return;
    }
    if (!('failure' in end)) return;
    const { failure } = end;
    tries = nextTry(plan, tries, failure);
    pipeline.tries.set(name, tries);
    pipeline.progress = 'made';
    const isCancelled = pipeline.stop !== undefined && failure.type === 'GenerationCancelled';
    if (pipeline.stop || orderOf(plan, tries) === undefined || !mayFollow(pipeline, failure, plan)) {
      enterStepPhase(pipeline, target, isCancelled ? 'cancelled' : 'failed', failure);
      if (!isCancelled) stopBecauseOf(pipeline, item.step, failure);
      return;
    }
    enterStepPhase(pipeline, target, 'preparing', failure);
    prepared = await prepareFurther(pipeline, item, prepared, tries);
  }
}

function mayFollow(pipeline: Pipeline, failure: StepFailure, { mayPayTwice }: PlanModelStep): boolean {
  if (mayOrderFurther(failure, mayPayTwice)) return true;
  // Earlier versions ordered again in this case.
  const saysNothing = failure.type === 'GenerationFailed' && failure.submission === 'unknown';
  // `patched` must not be called for the first time after a local activity, which is possible if the plan is not
  // steady.
  return saysNothing && (planOf(pipeline).isSteady !== true || !patched('ends-that-say-nothing-are-doubtful'));
}

/** The attempts of the step's own order first, then each fallback once. */
function orderOf(
  { order, attempts, fallback }: PlanModelStep,
  tries: number,
): { order: PlanOrder; rank: number } | undefined {
  if (tries < attempts) return { order, rank: 0 };
  const next = fallback[tries - attempts];
  return next && { order: next, rank: tries - attempts + 1 };
}

/** A refused input would be refused again, so the fallbacks follow at once. */
function nextTry({ attempts }: PlanModelStep, tries: number, { type }: StepFailure): number {
  return type === 'InvalidInput' || type === 'OutputMissing' ? Math.max(tries + 1, attempts) : tries + 1;
}

async function prepareFurther(
  pipeline: Pipeline,
  { step, plan, target, index = 0 }: ItemOfStep,
  before: PreparedOrder,
  tries: number,
): Promise<PreparedOrder | undefined> {
  const usedKeys = (target.attempts ?? []).map(({ key }) => key);
  const rank = orderOf(plan, tries)?.rank ?? 0;
  const copy = 'copy' in before ? before.copy : 1;
  const answer = await prepareStep(pipeline, step.id, { further: { index, rank, usedKeys, copy } });
  if (answer === undefined) return undefined;
  if (answer.kind === 'failed') return { index, kind: 'failed', failure: answer.failure };
  return answer.kind === 'orders' ? answer.orders[0] : undefined;
}

type End = 'not_started' | { failure: StepFailure } | { result: ReusedResult };

async function fulfil(
  pipeline: Pipeline,
  item: ItemOfStep,
  prepared: PreparedOrder,
  which: { order: PlanOrder } | undefined,
): Promise<End> {
  const { target, slots } = item;
  if (prepared.kind === 'failed') return { failure: prepared.failure };
  if (prepared.kind === 'reuse') {
    succeed(pipeline, item, prepared, prepared.result);
    target.reused = true;
    return { result: prepared.result };
  }
  await slots.take();
  await pipeline.slots.take();
  try {
    await untilNothingIsDue(pipeline);
    if (pipeline.stop) return 'not_started';
    const refused = prepared.kind === 'order' ? refusalByCost(pipeline, prepared.priceUsd) : undefined;
    if (refused) return { failure: refused };
    const answer = await follow(pipeline, item, prepared, which?.order);
    if ('result' in answer) succeed(pipeline, item, prepared, answer.result);
    return answer;
  } finally {
    if (slots.isCrowded() || pipeline.slots.isCrowded()) await breathe(pipeline);
    pipeline.slots.give();
    slots.give();
  }
}

async function follow(
  pipeline: Pipeline,
  { step, target, index }: ItemOfStep,
  prepared: Exclude<Ready, { kind: 'reuse' }>,
  order: PlanOrder | undefined,
): Promise<FollowAnswer> {
  const { key, model, priceUsd } = prepared;
  const open: OpenOrder = { key, id: step.id, index, isStarting: prepared.kind === 'order' };
  Object.assign(target, { key, model, ...withoutUndefined({ priceUsd }) });
  enterStepPhase(pipeline, target, 'ordered');
  if (target !== step) enterStepPhase(pipeline, step, 'ordered');
  reserve(pipeline, priceUsd);
  pipeline.open.add(open);
  const from = Date.now();
  const answer =
    prepared.kind === 'attach'
      ? await followOrder(key)
      : await placeOrder(open, requestOf(pipeline, model, prepared.input, order), prepared.retryOfRunId, () =>
          findUnbilledRun(pipeline, step.id, key),
        );
  pipeline.open.delete(open);
  pipeline.orderMs = asOfLate(pipeline.orderMs, Date.now() - from);
  if ('result' in answer) pipeline.toldMs = asOfLate(pipeline.toldMs, answer.result.timings.totalMs);
  const told = 'result' in answer ? answer.result : answer.failure;
  const isInDoubt = told.otherCostsUnknown !== undefined && patched('submits-in-doubt-are-billed');
  const isSentAgain = isInDoubt || (told.otherRequestIds !== undefined && patched('further-requests-are-billed'));
  const otherCostsUnknown = isInDoubt ? told.otherCostsUnknown : undefined;
  const failure = 'failure' in answer ? answer.failure : undefined;
  const isOwnWish = failure?.cancel !== undefined && !isSentAgain;
  const isStopped = failure !== undefined && wasStopped(failure) && (isOwnWish || patched('stopped-orders-are-free'));
  const bill: Bill = isSentAgain ? billOf({ ...told, priceUsd, otherCostsUnknown, isStopped }) : told;
  const { costUsd, presumedUsd } = bill;
  if (isPaidBefore(prepared)) giveBack(pipeline, priceUsd);
  else settle(pipeline, priceUsd, { costUsd, presumedUsd, failure, isStopped });
  noteAttempt(target, { key, model, costUsd }, answer);
  learnFromEnds(pipeline);
  return answer;
}

function noteAttempt(
  target: OrderState,
  { costUsd, ...order }: { key: string; model: string; costUsd: number | undefined },
  answer: FollowAnswer,
): void {
  const { type: outcome = 'succeeded', submission, cancel } = 'failure' in answer ? answer.failure : {};
  const attempt = { ...order, outcome, ...withoutUndefined({ costUsd, submission, cancel }) };
  target.attempts = [...(target.attempts ?? []), attempt];
}

function asOfLate(before: number | undefined, now: number): number {
  return 0.8 * (before ?? now) + 0.2 * now;
}

/**
 * Whether the batch has counted the cost of an attached order already: that of an item that was given back. The batch
 * says so to the run that goes on with it.
 */
function isPaidBefore(prepared: Exclude<Ready, { kind: 'reuse' }>): boolean {
  if (prepared.kind !== 'attach' || prepared.reason !== 'failed before') return false;
  const mark = workflowInfo().memo?.[batchItemMemoKey];
  return isJsonObject(mark) && 'paid' in mark && patched('what-was-paid-before-counts-once');
}

/**
 * The request of an order. A cancel of the pipeline waits for work that cannot be stopped, so each order does too,
 * whoever cancels it.
 */
function requestOf(
  { request }: Pipeline,
  model: string,
  input: Record<string, unknown>,
  order: PlanOrder | undefined,
): GenerationRequest {
  const { deadlineMs, maxPriceUsd, queueDeadlineMs } = order ?? {};
  const onUnknownSubmission = order?.onUnknownSubmission ?? request.onUnknownSubmission;
  const onWall = order?.onWall ?? request.onWall;
  const waiting = order?.waiting ?? request.waiting;
  const { budgets } = request;
  return {
    model,
    input,
    onCancelWhileRunning: 'wait',
    ...withoutUndefined({ deadlineMs, queueDeadlineMs, maxPriceUsd, onUnknownSubmission, onWall, waiting, budgets }),
  };
}

function succeed(
  pipeline: Pipeline,
  { target }: ItemOfStep,
  { key, model, priceUsd }: Ready,
  result: ReusedResult,
): void {
  const { requestId, output, costUsd } = result;
  Object.assign(target, { key, model, requestId, output, ...withoutUndefined({ costUsd, priceUsd }) });
  delete target.failure;
  enterStepPhase(pipeline, target, 'succeeded');
}
