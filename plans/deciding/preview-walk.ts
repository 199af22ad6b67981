import type { PreviewedOrder, PreviewedStep } from '../../domain/pipeline/pipeline-preview.ts';
import type { StepState } from '../../domain/pipeline/pipeline-run.ts';
import type { CheckedPlan } from '../check-plan.ts';
import type { DecidingParts } from './parts.ts';
import type { EarlierOrder } from './what-changed.ts';

/** What a preview needs beside what decides. */
export interface PreviewParts extends DecidingParts {
  /** The steps of the key's last run, as it left them. */
  earlier: readonly StepState[];
  /** What the order of a key was asked for; undefined where Temporal knows it no longer. */
  readOrder: (key: string) => Promise<EarlierOrder | undefined>;
}

/** What a run would do. */
export interface PlanPreview {
  orders: PreviewedOrder[];
  steps: PreviewedStep[];
  warnings: string[];
}

/** A walk through a plan: what has been told, and what is known so far. */
export interface Walk extends PlanPreview {
  parts: PreviewParts;
  checked: CheckedPlan;
  states: Map<string, StepState>;
  /** Why the outputs of a step are not known yet. */
  open: Map<string, string>;
}
