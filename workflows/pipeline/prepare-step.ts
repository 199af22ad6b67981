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

/** Prepares a step; undefined: the pipeline stops. */
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
  // Recorded histories were measured by no more than this.
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
 * Looks at a step's key once more where its order was prepared along with the check: a run that is reset to after that takes
 * the answer from its history, though the key may have been ordered meanwhile. The run id of an order that cost nothing.
 */
export async function findUnbilledRun(pipeline: Pipeline, id: string, key: string): Promise<string | undefined> {
  if (planOf(pipeline).prepared?.[id] === undefined) return undefined;
  const answer = await unlessStopped(pipeline, () => preparations.prepareStep(questionAbout(pipeline, id)));
  // It may have stopped in the moment in which the answer came.
  if (pipeline.stop) return undefined;
  const [order] = answer?.kind === 'orders' ? answer.orders : [];
  return order?.kind === 'order' && order.key === key ? order.retryOfRunId : undefined;
}

/** What the check of the plan is told, so that it prepares what waits for no other step. */
export function firstQuestionOf(pipeline: Pipeline): FirstQuestion {
  const { key, request } = pipeline;
  return { key, startedAt: startOfRun(), ...(request.orderAgain && { orderAgain: true }), ...termsOf(pipeline) };
}

/** Of the first event: a reset does its first task anew, and what the clock said then is forgotten. */
function startOfRun(): string {
  return workflowInfo().startTime.toISOString();
}

function termsOf({ request: { maxCostUsd, onWall } }: Pipeline): Pick<StepQuestion, 'needsPrices' | 'onWall'> {
  return maxCostUsd === undefined ? {} : { needsPrices: true, ...withoutUndefined({ onWall }) };
}

/** Undefined where another is under way, or it takes longer, or fails: then it is repeated for as long as it takes. */
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
