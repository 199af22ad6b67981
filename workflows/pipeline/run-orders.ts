import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import type { StepAnswer } from '../../domain/pipeline/pipeline-activities.ts';
import type { ItemState, StepPhase, StepState } from '../../domain/pipeline/pipeline-run.ts';
import { planLimits, type PlanModelStep } from '../../domain/pipeline/pipeline.ts';
import { hasStepEnded, phaseOfItems } from '../../domain/pipeline/step-rules.ts';
import { stopBecauseOf } from './cancellation.ts';
import { defect, type Pipeline } from './memory.ts';
import { prepareStep } from './prepare-step.ts';
import { type ItemOfStep, runItem } from './run-item.ts';
import { createSlots } from './slots.ts';
import { enterStepPhase } from './visibility.ts';

/** Runs the orders of a step, either one or one per item, and settles the step. */
export async function runOrders(pipeline: Pipeline, step: StepState, plan: PlanModelStep): Promise<void> {
  const slots = createSlots(plan.maxParallel);
  const stopped = () => {
    slots.open();
  };
  pipeline.interrupts.add(stopped);
  const running: Promise<void>[] = [];
  try {
    for (let from: { from?: number; digests?: Record<string, number> } | undefined = {}; from !== undefined;) {
      const answer: StepAnswer | undefined = await prepareStep(pipeline, step.id, from);
      from = undefined;
      // The pipeline stops: orders that have begun are followed to their end, and nothing else is started.
      if (answer === undefined) break;
      switch (answer.kind) {
        case 'skip':
          step.reason = answer.reason;
          enterStepPhase(pipeline, step, 'skipped');
          return;
        case 'failed':
          await Promise.all(running);
          enterStepPhase(pipeline, step, 'failed', answer.failure);
          stopBecauseOf(pipeline, step, answer.failure);
          return;
        case 'choose':
          throw defect(`step ${step.id} is no approval`);
        case 'orders':
          if (answer.next !== undefined)
            from = { from: answer.next, ...(answer.digests && { digests: answer.digests }) };
          if (isAboveLimit(pipeline, step, plan, answer.total)) return;
          openItems(step, plan, answer.total);
          for (const prepared of answer.orders) {
            const target = step.items?.[prepared.index] ?? step;
            const item: ItemOfStep = { step, plan, target, index: step.items ? prepared.index : undefined, slots };
            if (!hasStepEnded(target)) running.push(runItem(pipeline, item, prepared));
          }
      }
    }
    await Promise.all(running);
    settleStep(pipeline, step);
  } finally {
    pipeline.interrupts.delete(stopped);
  }
}

/**
 * Whether a step would take the run above its limit on orders. Further attempts do not count as new orders, nor do
 * orders that an earlier run has counted.
 */
function isAboveLimit(pipeline: Pipeline, step: StepState, plan: PlanModelStep, total: number): boolean {
  if (pipeline.counted.has(step.id) || step.items !== undefined || step.phase === 'ordered') return false;
  pipeline.counted.add(step.id);
  pipeline.ordersMade += total;
  if (pipeline.ordersMade <= planLimits.generations) return false;
  const message = `the run would make ${String(pipeline.ordersMade)} orders, and may make ${String(planLimits.generations)}; more make a batch of pipelines`;
  const failure = { type: 'InvalidInput', message, submission: 'not_sent' } as const;
  enterStepPhase(pipeline, step, 'failed', failure);
  stopBecauseOf(pipeline, step, failure);
  return true;
}

function openItems(step: StepState, plan: PlanModelStep, total: number): void {
  if (plan.forEach === undefined || step.items !== undefined) return;
  step.items = Array.from({ length: total }, (_, index): ItemState => ({ index, phase: 'waiting' }));
}

/**
 * Ends a step as its order or its items have ended. One that awaits another attempt ends like the previous attempt; one
 * that has not begun was not started.
 */
export function settleStep(pipeline: Pipeline, step: StepState): void {
  const { items } = step;
  if (!items) {
    enterStepPhase(pipeline, step, endPhaseOf(step));
    return;
  }
  for (const item of items) if (!hasStepEnded(item)) enterStepPhase(pipeline, item, endPhaseOf(item));
  const costs = items.flatMap(({ costUsd }) => costUsd ?? []);
  if (costs.length > 0) step.costUsd = toUsd(costs.reduce((sum, cost) => sum + toNearestMicro(cost), 0));
  enterStepPhase(pipeline, step, phaseOfItems(items), items.find(({ failure }) => failure)?.failure);
}

function endPhaseOf(target: StepState | ItemState): StepPhase {
  if (hasStepEnded(target)) return target.phase;
  return target.failure ? 'failed' : 'not_started';
}
