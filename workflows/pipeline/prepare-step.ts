import { workflowInfo } from '@temporalio/workflow';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import type { FirstQuestion, StepAnswer, StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import { questionOf } from '../../domain/pipeline/step-question.ts';
import { isOfOne } from '../../domain/pipeline/step-rules.ts';
import { localPreparationMs, localPreparations, preparations } from '../activity-options.ts';
import { hasTurn } from '../local-turns.ts';
import { maxQuestionBytes } from './bounds.ts';
import { unlessStopped, untilNothingIsDue } from './interruptible.ts';
import { defect, type Pipeline, planOf, sourcesOfStep, stepState } from './memory.ts';

/** Prepares a step; undefined if the pipeline stops. */
export async function prepareStep(
  pipeline: Pipeline,
  id: string,
  more: Pick<StepQuestion, 'from' | 'digests' | 'further'> = {},
): Promise<StepAnswer | undefined> {
  const { plan, prepared } = planOf(pipeline);
  const step = plan.steps[id];
  if (step === undefined) throw defect(`the plan has no step ${id}`);
  const ready = more.further ? undefined : prepared?.[id];
  if (ready !== undefined && !pipeline.stop) return ready;
  const question = questionAbout(pipeline, id, more);
  const { needsPrices: _, onWall: __, ...asked } = question;
  // Only these fields are measured, as in recorded histories.
  const bytes = jsonBytes(asked);
  if (bytes > maxQuestionBytes) {
    const message = `what its sources have made is too much to be read at once: ${String(bytes)} bytes, and there may be ${String(maxQuestionBytes)}; read fewer steps, or make them in several pipelines`;
    return { kind: 'failed', failure: { type: 'InvalidInput', message, submission: 'not_sent' } };
  }
  await untilNothingIsDue(pipeline);
  const answer = isOfOne(step) || more.further ? await prepareAtOnce(pipeline, question) : undefined;
  if (answer !== undefined && pipeline.stop === undefined) return answer;
  return await unlessStopped(pipeline, () => preparations.prepareStep(question));
}

function questionAbout(
  pipeline: Pipeline,
  id: string,
  more: Pick<StepQuestion, 'from' | 'digests' | 'further'> = {},
): StepQuestion {
  const { request, key } = pipeline;
  const { plan, params } = planOf(pipeline);
  const step = plan.steps[id];
  if (step === undefined) throw defect(`the plan has no step ${id}`);
  const sources = sourcesOfStep(pipeline, id);
  const stateOf = (source: string) => stepState(pipeline, source);
  const startedAt = startOfRun();
  const asked = questionOf({ step, sources, plan, params, key, request, startedAt, stateOf });
  return { ...asked, ...more, ...termsOf(pipeline) };
}

/**
 * Looks at a step's key again if its order was prepared along with the check. A run that is reset to a later point
 * takes that answer from its history, although the key may have been ordered meanwhile. Returns the run id of an order
 * that cost nothing.
 */
export async function findUnbilledRun(pipeline: Pipeline, id: string, key: string): Promise<string | undefined> {
  if (planOf(pipeline).prepared?.[id] === undefined) return undefined;
  const answer = await unlessStopped(pipeline, () => preparations.prepareStep(questionAbout(pipeline, id)));
  // The pipeline may have stopped at the moment when the answer came.
  if (pipeline.stop) return undefined;
  const [order] = answer?.kind === 'orders' ? answer.orders : [];
  return order?.kind === 'order' && order.key === key ? order.retryOfRunId : undefined;
}

/** What the check of the plan is given, so that it prepares the steps that wait for no other step. */
export function firstQuestionOf(pipeline: Pipeline): FirstQuestion {
  const { key, request } = pipeline;
  return { key, startedAt: startOfRun(), ...(request.orderAgain && { orderAgain: true }), ...termsOf(pipeline) };
}

/** Start of the run by its first event: a reset repeats the first task, so the time of the clock then is lost. */
function startOfRun(): string {
  return workflowInfo().startTime.toISOString();
}

function termsOf({ request: { maxCostUsd, onWall } }: Pipeline): Pick<StepQuestion, 'needsPrices' | 'onWall'> {
  return maxCostUsd === undefined ? {} : { needsPrices: true, ...withoutUndefined({ onWall }) };
}

/**
 * Prepares a step by a local activity. Undefined if another one is running, or if it takes too long or fails: the step
 * is then prepared by a normal activity.
 */
async function prepareAtOnce(pipeline: Pipeline, question: StepQuestion): Promise<StepAnswer | undefined> {
  const { isSparing, isSteady } = planOf(pipeline);
  if (!isSparing || isSteady || pipeline.stop) return undefined;
  if (!hasTurn(localPreparationMs)) return undefined;
  pipeline.busy += 1;
  try {
    return await localPreparations.prepareStep(question);
  } catch {
    return undefined;
  } finally {
    pipeline.busy -= 1;
  }
}
