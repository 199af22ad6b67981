import type { CancelWhileRunningPolicy, UnknownSubmissionPolicy, WaitingOptions, WallPolicy } from '../generation.ts';

/** Limits of a pipeline's plan. The message that refuses a plan states the limit. */
export const planLimits = {
  /** UTF-8 bytes of the plan as JSON. */
  bytes: 256 * 1024,
  steps: 100,
  /** UTF-8 bytes of the params as JSON. */
  paramBytes: 64 * 1024,
  /** Orders of one run. For more, use a batch of pipelines. */
  generations: 500,
  forEachItems: 200,
  maxParallel: 20,
  attempts: 5,
  /** Characters of one expression. */
  expressionLength: 2_000,
  /** Values in the whole plan, or in all params. */
  values: 20_000,
  /** Nesting depth of lists and objects. */
  levels: 100,
  fallbacks: 10,
  /** Listed in the plan, and to be chosen; what steps make may be more to choose from. */
  approvalChoices: 200,
} as const;

/**
 * Workflow task timeout of a pipeline. A local activity that takes longer than four fifths of it continues in another
 * task, and a replay then sees what arrived in the meantime in a different order. It is therefore far longer than any
 * local activity takes, even on a machine that stalls for seconds. In return, a worker that dies in the middle of a
 * task is noticed only after this time.
 */
export const pipelineTaskTimeoutMs = 30_000;

/** The types of params. `image`, `video` and `audio` are URLs. */
export const paramTypes = [
  'string',
  'number',
  'integer',
  'boolean',
  'image',
  'video',
  'audio',
  'list',
  'object',
] as const;

/** One of `paramTypes`. */
export type ParamType = (typeof paramTypes)[number];

/** A param of a plan; required unless it has a default. */
export interface PlanParam {
  type: ParamType;
  default?: unknown;
  description?: string;
}

/** An order of a step; the values of `input` may contain expressions. */
export interface PlanOrder {
  model: string;
  input: Record<string, unknown>;
  take?: number;
  deadlineMs?: number;
  queueDeadlineMs?: number;
  waiting?: WaitingOptions;
  onUnknownSubmission?: UnknownSubmissionPolicy;
  onCancelWhileRunning?: CancelWhileRunningPolicy;
  onWall?: WallPolicy;
  maxPriceUsd?: number;
}

/** What happens if a step fails. `fail`: nothing new starts; `continue`: steps that depend on it are skipped. */
export const failureRules = ['fail', 'continue'] as const;

/** One of `failureRules`. */
export type FailureRule = (typeof failureRules)[number];

/** When a step runs: once its sources have succeeded, or once they have ended in any way. */
export const runRules = ['succeeded', 'ended'] as const;

/** One of `runRules`. */
export type RunRule = (typeof runRules)[number];

/** Fields of all steps. */
interface PlanStepBase {
  /** Further steps to wait for; steps that expressions refer to are implied. */
  needs: string[];
  /** A boolean expression. */
  if?: string;
  runsWhen: RunRule;
  onFailure: FailureRule;
}

/** A step that orders generations: one, or one per item of `forEach`. */
export interface PlanModelStep extends PlanStepBase {
  kind: 'model';
  order: PlanOrder;
  /** A list, or an expression that gives one. */
  forEach?: unknown[] | string;
  maxParallel: number;
  attempts: number;
  /** Other orders to try, one after the other, once the previous attempts are certain to be over. */
  fallback: PlanOrder[];
  /** Allow a further attempt or fallback while the previous one may still be running and may be billed. */
  mayPayTwice: boolean;
}

/** A step that waits for a person's choice. */
export interface PlanApprovalStep extends PlanStepBase {
  kind: 'approval';
  message?: string;
  /** Expressions or literals that give a list of strings. */
  choose?: unknown;
  count: number;
  deadlineMs: number;
  onDeadline: 'reject' | 'approve';
}

/** A step of a plan: an order, or an approval. */
export type PlanStep = PlanModelStep | PlanApprovalStep;

/** A plan whose shape was checked: defaults are filled in, and all durations are in milliseconds. */
export interface PipelinePlan {
  params: Record<string, PlanParam>;
  steps: Record<string, PlanStep>;
  /** Expressions by name. Missing: the outputs of all steps. */
  outputs?: Record<string, unknown>;
}
