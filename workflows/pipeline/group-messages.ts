import { defineSignal } from '@temporalio/workflow';
import type { PlanAnswer, StepSources } from '../../domain/pipeline-activities.ts';
import type {
  ItemState,
  PipelineCancelReply,
  PipelineRequest,
  StepFailure,
  StepState,
} from '../../domain/pipeline-run.ts';

/** A plan that has been checked and may be run. */
export type CheckedPlan = Exclude<PlanAnswer, { issues: unknown }>;

/** In micro-dollars. */
export interface Money {
  /** What orders are known to have cost. */
  spent: number;
  /** What orders may have cost that did not say: counted against the limit only. */
  presumed: number;
  /** Expected prices of the orders that are open. */
  reserved: number;
}

/** The one argument of a group: a step of a pipeline, and what its orders are made of. */
export interface GroupOrder {
  /** Key of the pipeline. */
  key: string;
  /** The step. */
  id: string;
  request: Omit<PipelineRequest, 'plan' | 'params'>;
  /** The step alone, and what it reads. */
  checked: CheckedPlan & { steps: [StepSources] };
  /** The step and its sources. */
  steps: StepState[];
  /** When the pipeline started: `workflowStartedAt` of its memory. */
  startedAt: string;
  deadlineAt: string;
  money: Money;
  ordersMade: number;
  tries: Record<string, number>;
}

/**
 * What a pipeline asks of its group. `release`: it starts nothing new, and ends when what is open has; `by` which run, that it
 * tells all that it knows.
 */
export type GroupWish =
  { kind: 'release'; by: string } | { kind: 'cancel'; ask: number; reason?: string; detach?: boolean };

/** What became of a step since it was told of last. */
export interface GroupNews {
  /** Workflow ID of the group. */
  group: string;
  step: Pick<StepState, 'phase' | 'reason' | 'failure' | 'costUsd'>;
  items: ItemState[];
  money: Money;
  /** An order failed for good, and nothing new is started. */
  failure?: StepFailure;
  /** Answers to wishes. */
  replies?: { ask: number; steps: PipelineCancelReply['steps'] }[];
  /** Nothing follows. */
  last?: GroupEnd;
}

/** How a group ended: stopped, by its own failure or from outside, or because every order had. */
export interface GroupEnd {
  isStopped: boolean;
}

/** From a pipeline to its group. */
export const groupWishSignal = defineSignal<[GroupWish]>('groupWish');

/** From a group to its pipeline. */
export const groupNewsSignal = defineSignal<[GroupNews]>('groupNews');
