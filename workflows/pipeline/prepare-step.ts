import { workflowInfo } from '@temporalio/workflow';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import type { StepAnswer, StepQuestion } from '../../domain/pipeline/pipeline-activities.ts';
import { questionOf } from '../../domain/pipeline/step-question.ts';
import { atOnce, atOnceMs, preparations } from '../activity-options.ts';
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
  const { request, key } = pipeline;
  const { plan, params } = planOf(pipeline);
  const step = plan.steps[id];
  if (step === undefined) throw defect(`the plan has no step ${id}`);
  const stateOf = (source: string) => stepState(pipeline, source);
  const sources = sourcesOfStep(pipeline, id);
  // Of the first event: a reset does its first task anew, and what the clock said then is forgotten.
  const startedAt = workflowInfo().startTime.toISOString();
  const asked = { ...questionOf({ step, sources, plan, params, key, request, startedAt, stateOf }), ...more };
  const ofMoney = request.maxCostUsd !== undefined && {
    needsPrices: true,
    ...withoutUndefined({ onWall: request.onWall }),
  };
  const question = { ...asked, ...ofMoney };
  // Recorded histories were measured by no more than this.
  const bytes = jsonBytes(asked);
  if (bytes > maxQuestionBytes) {
    const message = `what its sources have made is too much to be read at once: ${String(bytes)} bytes, and there may be ${String(maxQuestionBytes)}; read fewer steps, or make them in several pipelines`;
    return { kind: 'failed', failure: { type: 'InvalidInput', message, submission: 'not_sent' } };
  }
  await untilNothingIsDue(pipeline);
  const isOfOne = step.kind === 'approval' || step.forEach === undefined || more.further !== undefined;
  const answer = isOfOne ? await prepareAtOnce(pipeline, question) : undefined;
  if (answer !== undefined && pipeline.stop === undefined) return answer;
  return await unlessStopped(pipeline, () => preparations.prepareStep(question));
}

/** Undefined where another is under way, or it takes longer, or fails: then it is repeated for as long as it takes. */
async function prepareAtOnce(pipeline: Pipeline, question: StepQuestion): Promise<StepAnswer | undefined> {
  if (!planOf(pipeline).isSparing || pipeline.stop) return undefined;
  if (!hasTurn(atOnceMs)) return undefined;
  pipeline.busy += 1;
  try {
    return await atOnce.prepareStep(question);
  } catch {
    return undefined;
  } finally {
    pipeline.busy -= 1;
  }
}
