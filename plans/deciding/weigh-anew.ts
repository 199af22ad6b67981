import { sumOfKnown } from '../../domain/estimate.ts';
import type { InputIssue } from '../../domain/generation.ts';
import type { PipelinePreview } from '../../domain/pipeline/pipeline-preview.ts';
import type { CheckedPlan } from '../check-plan.ts';
import { sourcesOf, usesFiles } from '../graph.ts';
import { refuseAbove, weighOrders } from '../weigh-orders.ts';
import type { DecidingParts } from './parts.ts';
import { type PreviewedRun, previewPlan } from './preview-plan.ts';

/**
 * The problem of a run again whose orders cost more than they may, by those alone that no earlier run can have made:
 * the others may cost nothing.
 */
export async function weighAnew(
  parts: DecidingParts,
  checked: CheckedPlan,
  run: PreviewedRun,
  maxCostUsd: number | undefined,
): Promise<InputIssue[]> {
  if (weighOrders(checked.orders, { maxCostUsd }).length === 0) return [];
  const unread = { earlier: [], readOrder: () => Promise.resolve(undefined) };
  const { orders } = await previewPlan({ ...parts, ...unread }, checked, run);
  const undecided = findUndecided(checked, orders);
  const anew = orders.filter(({ key, step }) => key !== undefined || !undecided.has(step));
  return refuseAbove(sumOfKnown(anew), maxCostUsd);
}

/**
 * Steps after an approval that may be decided as it was before, so that what follows it was made before: at least a
 * part of what it offers was.
 */
function findUndecided({ plan, sortedSteps }: CheckedPlan, orders: PipelinePreview['orders']): Set<string> {
  const undecided = new Set<string>();
  const isAnew = (id: string) =>
    plan.steps[id]?.kind === 'approval' ||
    (orders.some(({ step }) => step === id) &&
      orders.every(({ step, decision }) => step !== id || decision === 'order'));
  for (const id of sortedSteps) {
    const step = plan.steps[id];
    const sources = sourcesOf(plan, id);
    const mayOfferTheSame =
      step?.kind === 'approval' && step.choose !== undefined && !(usesFiles(plan, id) && sources.every(isAnew));
    if (mayOfferTheSame || sources.some((source) => undecided.has(source))) undecided.add(id);
  }
  return undecided;
}
