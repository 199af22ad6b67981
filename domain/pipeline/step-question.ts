import { withoutUndefined } from '../json.ts';
import type { StepQuestion, StepSources } from './pipeline-activities.ts';
import type { PipelineRequest, StepState } from './pipeline-run.ts';
import type { PipelinePlan, PlanStep } from './pipeline.ts';
import { tellStep } from './step-rules.ts';

/** A step that is about to be prepared, and everything known by then. */
export interface StepInQuestion {
  step: PlanStep;
  sources: StepSources;
  plan: PipelinePlan;
  params: Record<string, unknown>;
  /** Key of the pipeline. */
  key: string;
  request: Pick<PipelineRequest, 'lineage' | 'orderAgain'>;
  /** When the pipeline started, ISO 8601; unchanged by a reset. */
  startedAt?: string;
  stateOf: (id: string) => StepState;
}

/** The question about a step once its sources have ended: the step, and the values that it refers to. */
export function questionOf(asked: StepInQuestion): StepQuestion {
  const { step, sources, plan, params, key, request, startedAt, stateOf } = asked;
  const named = <Value>(all: Record<string, Value>): Record<string, Value> =>
    Object.fromEntries(Object.entries(all).filter(([name]) => sources.params.includes(name)));
  return {
    id: sources.id,
    step,
    values: {
      declared: named(plan.params),
      params: named(params),
      steps: sources.steps.map((source) => tellStep(stateOf(source))),
      key,
    },
    lineage: request.lineage ?? key,
    ...(request.orderAgain && { orderAgain: true, ...withoutUndefined({ startedAt }) }),
  };
}
