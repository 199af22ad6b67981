import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { decideStep } from '../../plans/deciding/decide-step.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/** Evaluates what a step is made of, prices it, and looks at what is known of its keys. Orders nothing. */
export function createPrepareStep(deps: PipelineDeps): PipelineActivities['prepareStep'] {
  return (question) => decideStep(deps, question);
}
