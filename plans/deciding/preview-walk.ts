import type { PreviewedOrder, PreviewedStep } from '../../domain/pipeline/pipeline-preview.ts';
import type { StepState } from '../../domain/pipeline/pipeline-run.ts';
import type { CheckedPlan } from '../check-plan.ts';
import type { DecidingParts } from './parts.ts';
import type { EarlierOrder } from './what-changed.ts';

/** What a preview needs beyond the parts of a decision. */
export interface PreviewParts extends DecidingParts {
  /** The final states of the steps of the key's last run. */
  earlier: readonly StepState[];
  /** What the order of a key was asked for; undefined if Temporal does not know it any more. */
  readOrder: (key: string) => Promise<EarlierOrder | undefined>;
}

/** What a run of the plan would do. */
export interface PlanPreview {
  orders: PreviewedOrder[];
  steps: PreviewedStep[];
  warnings: string[];
}

/** State of a walk through a plan. */
export interface Walk extends PlanPreview {
  parts: PreviewParts;
  checked: CheckedPlan;
  states: Map<string, StepState>;
  /** Why the outputs of a step are not known yet, by step. */
  open: Map<string, string>;
}
