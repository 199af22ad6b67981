import { condition, log } from '@temporalio/workflow';
import { isUnbilled } from '../../domain/failure-details.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type {
  AttemptState,
  ItemState,
  OrderState,
  PipelineCancelMessage,
  PipelineCancelReply,
  StepFailure,
  StepState,
} from '../../domain/pipeline/pipeline-run.ts';
import { hasStepEnded } from '../../domain/pipeline/step-rules.ts';
import { messageOf } from '../../domain/text.ts';
import { manyCancels } from '../activity-options.ts';
import { type Pipeline, planOf, stepState, type Stop } from './memory.ts';
import { enterPipelinePhase } from './visibility.ts';

type CancelledOrder = PipelineCancelReply['steps'][number];

/** The outcomes, worst first: the worst one is reported for many cancels together. */
const worstFirst: readonly CancelOutcome[] = ['unknown', 'not_cancellable', 'too_late', 'cancelled', 'not_submitted'];

/** Stops starting anything new. The first reason is kept. */
export function stopPipeline(pipeline: Pipeline, stop: Stop): void {
  if (pipeline.hasEnded) return;
  if (pipeline.stop) {
    if (stop.detach) pipeline.stop.detach = true;
    return;
  }
  pipeline.stop = stop;
  enterPipelinePhase(pipeline, 'stopping');
  for (const interrupt of [...pipeline.interrupts]) interrupt();
  pipeline.slots.open();
}

/** Stops the pipeline because a step has finally failed, unless its rule says to continue. */
export function stopBecauseOf(pipeline: Pipeline, step: StepState, failure: StepFailure): void {
  if (planOf(pipeline).plan.steps[step.id]?.onFailure === 'continue') return;
  stopPipeline(pipeline, { kind: 'failed', step: step.id, failure });
}

/** Asks every open generation to cancel and returns the outcome of each. */
export async function cancelPipeline(
  pipeline: Pipeline,
  { reason, detach }: PipelineCancelMessage,
): Promise<PipelineCancelReply> {
  const { state } = pipeline;
  if (pipeline.hasEnded) return { outcome: 'too_late', phase: state.phase, steps: [] };
  const cancel = (state.cancel ??= { requestedAt: new Date().toISOString() });
  if (reason !== undefined) cancel.reason ??= reason;
  if (detach) cancel.detach = true;
  noteCancelled(pipeline, unorderedOf(pipeline));
  // While the plan is being checked, its steps are not known yet, and nothing is ordered.
  const isUnbegun = pipeline.checked === undefined;
  stopPipeline(pipeline, { kind: 'cancelled', ...(detach && { detach }) });
  noteCancelled(pipeline, await cancelOpen(pipeline, reason));
  cancel.outcome = worstOf(pipeline.cancelled) ?? (isUnbegun ? 'not_submitted' : 'too_late');
  return { outcome: cancel.outcome, phase: state.phase, steps: pipeline.cancelled };
}

/**
 * Records the outcomes of a cancel. Outcomes of an earlier cancel stay for orders that have ended since, as these may
 * have been billed.
 */
function noteCancelled(pipeline: Pipeline, orders: readonly CancelledOrder[]): void {
  const isAmong = ({ id, index }: CancelledOrder) => orders.some((one) => one.id === id && one.index === index);
  const before = pipeline.cancelled.filter((order) => !isAmong(order));
  pipeline.cancelled = [...orders, ...before].map((order) => learnFromEnd(pipeline, order));
}

/** If RunComfy did not answer the cancel of an order, the order's end tells its outcome. */
export function learnFromEnds(pipeline: Pipeline): void {
  const { cancel } = pipeline.state;
  if (cancel?.outcome !== 'unknown') return;
  pipeline.cancelled = pipeline.cancelled.map((order) => learnFromEnd(pipeline, order));
  cancel.outcome = worstOf(pipeline.cancelled) ?? cancel.outcome;
}

function learnFromEnd(pipeline: Pipeline, order: CancelledOrder): CancelledOrder {
  if (order.outcome !== 'unknown') return order;
  const step = stepState(pipeline, order.id);
  const target = order.index === undefined ? step : step.items?.[order.index];
  const ended = target?.attempts?.findLast(({ key }) => key === order.key);
  return ended ? { ...order, outcome: outcomeAfter(ended) } : order;
}

function worstOf(orders: readonly CancelledOrder[]): CancelOutcome | undefined {
  return worstFirst.find((outcome) => orders.some((order) => order.outcome === outcome));
}

/** Asks every open generation to cancel. The outcome is `unknown` for those that do not answer. */
export async function cancelOpen(
  pipeline: Pipeline,
  reason: string | undefined,
): Promise<PipelineCancelReply['steps']> {
  pipeline.openCancels += 1;
  try {
    await condition(() => [...pipeline.open].every(({ isStarting }) => !isStarting));
    const orders = [...pipeline.open];
    if (orders.length === 0) return [];
    const keys = orders.map(({ key }) => key);
    const outcomes = await manyCancels
      .cancelGenerations({ keys, ...(reason !== undefined && { reason }) })
      .catch((error: unknown) => {
        log.warn('the orders could not be asked to cancel', { keys, reason: messageOf(error) });
        return [];
      });
    return orders.map(({ id, index, key }, at) => ({
      id,
      ...(index !== undefined && { index }),
      key,
      outcome: outcomes[at] ?? 'unknown',
    }));
  } finally {
    pipeline.openCancels -= 1;
  }
}

/** Steps and items that have no open order and will not get one any more. */
function unorderedOf({ state }: Pipeline): PipelineCancelReply['steps'] {
  return state.steps.flatMap((step) => {
    if (hasStepEnded(step)) return [];
    const targets: (StepState | ItemState)[] = step.items ?? [step];
    return targets
      .filter((target) => !hasStepEnded(target) && target.phase !== 'ordered')
      .map((target) => ({ id: step.id, ...('index' in target && { index: target.index }), ...lastOrderOf(target) }));
  });
}

/**
 * The last order of a target that is being prepared for a further attempt: reported as a cancel of that order would be.
 */
function lastOrderOf({ attempts = [], failure }: OrderState): Pick<CancelledOrder, 'key' | 'outcome'> {
  const last = attempts.at(-1);
  if (!last) return { outcome: 'not_submitted' };
  // An older version recorded only how an attempt ended.
  const isOld = last.submission === undefined && last.outcome === failure?.type;
  const { submission, cancel } = isOld ? failure : last;
  return { key: last.key, outcome: outcomeAfter({ ...last, ...withoutUndefined({ submission, cancel }) }) };
}

/** The outcome of a cancel for an order that has ended. */
function outcomeAfter({ outcome, submission, cancel = 'too_late' }: AttemptState): CancelOutcome {
  if (isUnbilled(submission)) return 'not_submitted';
  const isUnheard = cancel === 'unknown' || (cancel === 'too_late' && submission === 'unknown');
  if (!isUnheard) return cancel;
  // If RunComfy has finished the work, the cancel came too late. Otherwise the work may still run and be billed, also
  // if its end says nothing about itself.
  const isFinished = outcome === 'succeeded' || (outcome === 'GenerationFailed' && submission !== 'unknown');
  return isFinished ? 'too_late' : 'unknown';
}
