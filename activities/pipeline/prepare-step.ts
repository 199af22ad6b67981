import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { decideStep } from '../../plans/deciding/decide-step.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/** Evaluates the orders of a step, prices them, and looks up what is known of their keys. Orders nothing. */
export function createPrepareStep(deps: PipelineDeps): PipelineActivities['prepareStep'] {
  return (question) => decideStep(deps, question);
}
