import { sumOfKnown } from '../../domain/estimate.ts';
import type { InputIssue } from '../../domain/generation.ts';
import type { PipelinePreview } from '../../domain/pipeline/pipeline-preview.ts';
import type { CheckedPlan } from '../check-plan.ts';
import { readBy, sourcesOf, usesFiles } from '../graph.ts';
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
  const wanted = new Set(checked.orders.map(({ step }) => step));
  const open = findOpen(checked, orders);
  return refuseAbove(sumOfKnown(orders.filter(({ step }) => wanted.has(step) && !open.has(step))), maxCostUsd);
}

/**
 * Steps whose orders hang on how an approval is decided: decided as it was before, they may have been made before, or
 * not be wanted at all. What a person chooses among new files was never made.
 */
function findOpen({ plan, sortedSteps }: CheckedPlan, orders: PipelinePreview['orders']): Set<string> {
  const open = new Set<string>();
  const afterApproval = new Set<string>();
  const maybeAsBefore = new Set<string>();
  const isAnew = (id: string) =>
    plan.steps[id]?.kind === 'approval' ||
    (orders.some(({ step }) => step === id) &&
      orders.every(({ step, decision }) => step !== id || decision === 'order'));
  for (const id of sortedSteps) {
    const step = plan.steps[id];
    const sources = sourcesOf(plan, id);
    const isAfter = sources.some((source) => afterApproval.has(source));
    const isOpen =
      (isAfter && step?.if !== undefined) ||
      sources.some((source) => open.has(source)) ||
      readBy(plan, id).some((source) => maybeAsBefore.has(source));
    if (isOpen) open.add(id);
    if (isAfter || step?.kind === 'approval') afterApproval.add(id);
    if (step?.kind !== 'approval') continue;
    const offersNew = step.choose !== undefined && usesFiles(plan, id) && sources.every(isAnew);
    if (isOpen || !offersNew) maybeAsBefore.add(id);
  }
  return open;
}
