import type { StepAnswer, StepQuestion } from '../../domain/pipeline-activities.ts';
import { valuesOfStep } from '../../domain/step-rules.ts';
import { preparations } from '../activity-options.ts';
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
  const sources = sourcesOfStep(pipeline, id);
  const named = <Value>(all: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => sources.params.includes(name)));
  const question: StepQuestion = {
    id,
    step,
    values: {
      declared: named(plan.params),
      params: named(params),
      steps: Object.fromEntries(sources.steps.map((source) => [source, valuesOfStep(stepState(pipeline, source))])),
      key,
    },
    lineage: request.lineage ?? key,
    ...(request.orderAgain && { orderAgain: true }),
    ...more,
  };
  await untilNothingIsDue(pipeline);
  return await unlessStopped(pipeline, () => preparations.prepareStep(question));
}
