import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { createCancelGeneration, createCancelGenerations } from './cancel-generations.ts';
import { createCheckPlan } from './check-plan.ts';
import { createEvaluateOutputs } from './evaluate-outputs.ts';
import { createFollowGeneration } from './follow-generation.ts';
import type { PipelineDeps } from './pipeline-deps.ts';
import { createPrepareStep } from './prepare-step.ts';
import { createSettleGeneration } from './settle-generation.ts';

export type { PipelineDeps } from './pipeline-deps.ts';

/** The activities of pipelines. No globals: everything they touch comes through `deps`. */
export function createPipelineActivities(deps: PipelineDeps): PipelineActivities {
  return {
    checkPlan: createCheckPlan(deps),
    prepareStep: createPrepareStep(deps),
    settleGeneration: createSettleGeneration(deps),
    evaluateOutputs: createEvaluateOutputs(),
    followGeneration: createFollowGeneration(deps),
    cancelGeneration: createCancelGeneration(deps),
    cancelGenerations: createCancelGenerations(deps),
    breathe: ({ ms }) => sleep(ms),
  };
}
