import type { CancelWhileRunningPolicy, UnknownSubmissionPolicy, WaitingOptions, WallPolicy } from '../generation.ts';

/** Bounds of a pipeline's plan. What is above one of them is refused by its number. */
export const planLimits = {
  /** UTF-8 bytes of the plan as JSON. */
  bytes: 256 * 1024,
  steps: 100,
  /** UTF-8 bytes of the params as JSON. */
  paramBytes: 64 * 1024,
  /** Orders of one run; more make a batch of pipelines. */
  generations: 500,
  forEachItems: 200,
  maxParallel: 20,
  attempts: 5,
  /** Characters of one expression. */
  expressionLength: 2_000,
  /** Values at all places of the plan together, and of the params. */
  values: 20_000,
  /** Nested lists and objects. */
  levels: 100,
  fallbacks: 10,
  approvalChoices: 200,
} as const;

/**
 * How long the server waits for one workflow task of a pipeline. A local activity that outlasts four fifths of it goes on in
 * a next task, and a replay takes what came meanwhile in another order than it came: so it is far more than one takes, also
 * on a machine that is kept from its processors for seconds. A worker that dies in the middle of a task is noticed after it.
 */
export const pipelineTaskTimeoutMs = 30_000;

/** What a param may be. `image`, `video` and `audio` are URLs. */
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

/** A param of a plan; without a default it is required. */
export interface PlanParam {
  type: ParamType;
  default?: unknown;
  description?: string;
}

/** What an order of a step is made of; `input` may hold expressions in its values. */
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

/** What follows when a step fails. `fail`: nothing new starts; `continue`: what depends on it is skipped. */
export const failureRules = ['fail', 'continue'] as const;

/** One of `failureRules`. */
export type FailureRule = (typeof failureRules)[number];

/** When a step runs: once its sources have succeeded, or once they have ended in whatever way. */
export const runRules = ['succeeded', 'ended'] as const;

/** One of `runRules`. */
export type RunRule = (typeof runRules)[number];

/** What all steps have in common. */
interface PlanStepBase {
  /** Further steps to wait for; those that expressions refer to are implied. */
  needs: string[];
  /** A boolean expression. */
  if?: string;
  runsWhen: RunRule;
  onFailure: FailureRule;
}

/** A step that orders generations: one, or one for each item of `forEach`. */
export interface PlanModelStep extends PlanStepBase {
  kind: 'model';
  order: PlanOrder;
  /** A list, or an expression that gives one. */
  forEach?: unknown[] | string;
  maxParallel: number;
  attempts: number;
  /** Other orders to try, in turn, once the attempts before are surely over. */
  fallback: PlanOrder[];
  /** A further attempt or fallback is allowed although the one before may still run and be billed. */
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

/** A plan whose shape has been checked: every default stands in it, every duration is in milliseconds. */
export interface PipelinePlan {
  params: Record<string, PlanParam>;
  steps: Record<string, PlanStep>;
  /** Expressions by name; missing: the outputs of all steps. */
  outputs?: Record<string, unknown>;
}
