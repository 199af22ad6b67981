import type { StepState } from '../../domain/pipeline/pipeline-run.ts';
import { hasStepEnded, skipBecauseOf } from '../../domain/pipeline/step-rules.ts';
import { endApproval, runApproval } from './approval.ts';
import { type Pipeline, planOf, sourcesOfStep, stepState } from './memory.ts';
import { runOrders, settleStep } from './run-orders.ts';
import { enterStepPhase } from './visibility.ts';

/** Runs one step from the moment when its sources have ended. */
export async function runStep(pipeline: Pipeline, id: string, sources: readonly Promise<void>[]): Promise<void> {
  const step = stepState(pipeline, id);
  await Promise.all(sources);
  const plan = planOf(pipeline).plan.steps[id];
  if (plan === undefined || hasStepEnded(step)) return;
  if (pipeline.stop) {
    settleStopped(pipeline, step);
    return;
  }
  const skipped = skipBecauseOf(
    sourcesOfStep(pipeline, id).steps.map((source) => stepState(pipeline, source)),
    plan.runsWhen,
  );
  if (skipped !== undefined) {
    step.reason = skipped;
    enterStepPhase(pipeline, step, 'skipped');
    return;
  }
  if (step.phase === 'waiting') enterStepPhase(pipeline, step, 'preparing');
  if (plan.kind === 'approval') await runApproval(pipeline, step, plan);
  else await runOrders(pipeline, step, plan);
}

/**
 * Ends a step of a pipeline that stops when a run continues it: what the previous run had begun ends according to what
 * came of it.
 */
function settleStopped(pipeline: Pipeline, step: StepState): void {
  if (step.phase === 'waiting') enterStepPhase(pipeline, step, 'not_started');
  else if (step.approval) endApproval(pipeline, step, step.approval);
  else settleStep(pipeline, step);
}
