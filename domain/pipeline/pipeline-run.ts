import type { FailureType } from '../failure-type.ts';
import type {
  CancelOutcome,
  GenerationOutput,
  InputIssue,
  Submission,
  UnknownSubmissionPolicy,
  WaitingOptions,
  WallPolicy,
} from '../generation.ts';

/** The one argument of workflow `runcomfyPipeline`. */
export interface PipelineRequest {
  /** A plan as `docs/plans.md` has it. */
  plan: object;
  params?: Record<string, unknown>;
  /** What the keys of the orders begin with; default: the pipeline's own key. */
  lineage?: string;
  /** Orders that failed and may have been billed are ordered again, under a further key. */
  orderAgain?: boolean;
  /** Milliseconds from the start; default 7 days. */
  deadlineMs?: number;
  /** Nothing is ordered whose price is unknown, or that could take the sum above this. */
  maxCostUsd?: number;
  /** Names of at most 4 budgets, in each of which every order is reserved before it is sent. */
  budgets?: string[];
  /** Orders open at once; default 20. */
  maxParallel?: number;
  /** For every step that does not say otherwise. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  /** For every step that does not say otherwise; default `fail`. */
  onWall?: WallPolicy;
  /** For every step that does not say otherwise. */
  waiting?: WaitingOptions;
}

/** How long a pipeline may take unless its request says otherwise. */
export const defaultPipelineDeadlineMs = 7 * 24 * 60 * 60 * 1000;

/** Where a pipeline stands; the last five are ends. */
export const pipelinePhases = [
  'checking',
  'running',
  'stopping',
  'succeeded',
  'partial',
  'failed',
  'cancelled',
  'timed_out',
] as const;

/** One of `pipelinePhases`. */
export type PipelinePhase = (typeof pipelinePhases)[number];

/** How a pipeline can end. */
export type PipelineEndPhase = Exclude<PipelinePhase, 'checking' | 'running' | 'stopping'>;

/** Whether a phase is the end of a pipeline. */
export function isPipelineEnd(phase: PipelinePhase): boolean {
  return phase !== 'checking' && phase !== 'running' && phase !== 'stopping';
}

/** Where a step, or an item of its `forEach`, stands. `ordered`: a generation is open under its key. */
export const stepPhases = [
  'waiting',
  'preparing',
  'awaiting_decision',
  'ordered',
  'succeeded',
  'failed',
  'skipped',
  'cancelled',
  'not_started',
] as const;

/** One of `stepPhases`. */
export type StepPhase = (typeof stepPhases)[number];

/** Why a step or an order failed: one of our failure types, or what only a step can meet. */
export interface StepFailure {
  type: FailureType | 'OutputMissing' | 'ApprovalRejected';
  message: string;
  submission?: Submission;
  /** What became of the cancel of an order. */
  cancel?: CancelOutcome;
  /** The step that lacks the output. */
  step?: string;
  key?: string;
  requestId?: string;
  costUsd?: number;
  /** As in the details of the order's failure. */
  otherRequestIds?: string[];
  otherCostUsd?: number;
  otherCostsUnknown?: number;
  /** The budget that had no room. */
  budget?: string;
  issues?: InputIssue[];
}

/** One order that was tried, and what became of it. */
export interface AttemptState {
  key: string;
  model: string;
  /** `succeeded`, or the type of its failure. */
  outcome: string;
  costUsd?: number;
  /** Of one that failed. */
  submission?: Submission;
  /** What became of the cancel of it. */
  cancel?: CancelOutcome;
}

/** What is known of the order of a step, or of an item. */
export interface OrderState {
  key?: string;
  model?: string;
  requestId?: string;
  output?: GenerationOutput;
  priceUsd?: number;
  costUsd?: number;
  /** An earlier run had ordered it already. */
  reused?: boolean;
  attempts?: AttemptState[];
  failure?: StepFailure;
}

/** Where an item of a `forEach` stands. */
export interface ItemState extends OrderState {
  index: number;
  phase: StepPhase;
}

/** What is to be decided, and what was. */
export interface ApprovalState {
  message?: string;
  choices?: string[];
  /** How many are to be chosen. */
  count?: number;
  /** ISO 8601. */
  deadlineAt: string;
  onDeadline: 'reject' | 'approve';
  decision?: 'approve' | 'reject';
  /** What was chosen. */
  chosen?: string[];
  reason?: string;
  /** Who decided; `deadline` where nobody did. */
  by?: string;
}

/** Where a step stands. */
export interface StepState extends OrderState {
  id: string;
  phase: StepPhase;
  /** Steps that have not ended and that it waits for. */
  waitsFor?: string[];
  /** Why it was skipped. */
  reason?: string;
  approval?: ApprovalState;
  /** Set for a step with `forEach`. */
  items?: ItemState[];
}

/** A cancel of the pipeline. */
export interface PipelineCancelState {
  /** ISO 8601. */
  requestedAt: string;
  reason?: string;
  detach?: boolean;
  outcome?: CancelOutcome;
}

/** Answer of query `state` of a pipeline. */
export interface PipelineState {
  phase: PipelinePhase;
  /** ISO 8601. */
  startedAt: string;
  deadlineAt: string;
  endedAt?: string;
  /** What this run was billed, as far as it is known. */
  costUsd: number;
  /** Expected prices of orders that ended without saying what they cost: count against the limit. Absent: nothing. */
  presumedUsd?: number;
  /** Expected prices of the orders that are open. */
  reservedUsd: number;
  maxCostUsd?: number;
  steps: StepState[];
  cancel?: PipelineCancelState;
  failure?: PipelineFailure;
  warnings: string[];
  /** Outputs of items were left out to keep the answer below 1 MiB; they stand under the items' keys. */
  truncated?: boolean;
}

/** How a pipeline failed. */
export interface PipelineFailure {
  type: FailureType;
  message: string;
  /** The step that failed. */
  step?: string;
}

/** One step in the pipeline's result, and in the details of its failure. */
export interface StepSummary {
  phase: StepPhase;
  key?: string;
  output?: GenerationOutput;
  costUsd?: number;
  reused?: boolean;
  submission?: Submission;
  /** What became of the cancel of its order. */
  cancel?: CancelOutcome;
  /** How it failed. */
  failure?: Pick<StepFailure, 'type' | 'message' | 'budget'>;
  /** What an approval chose. */
  choices?: string[];
}

/** Return value of workflow `runcomfyPipeline`. */
export interface PipelineResult {
  key: string;
  phase: 'succeeded' | 'partial';
  outputs: Record<string, unknown>;
  steps: Record<string, StepSummary>;
  costUsd: number;
  /** As in the state. */
  presumedUsd?: number;
  /** Orders that may have cost something, of which neither cost nor price is known. Absent: none. */
  unpriced?: number;
  /** ISO 8601. */
  startedAt: string;
  endedAt: string;
}

/** First detail of every failure of a pipeline. */
export interface PipelineFailureDetails {
  key: string;
  phase: PipelinePhase;
  step?: string;
  failure?: StepFailure;
  steps: Record<string, StepSummary>;
  costUsd: number;
  /** As in the state. */
  presumedUsd?: number;
  /** As in the result. */
  unpriced?: number;
  issues?: InputIssue[];
  cancel?: PipelineCancelState;
}

/** Payload of signal and update `cancel` of a pipeline. `detach`: work that cannot be stopped is not waited for. */
export interface PipelineCancelMessage {
  reason?: string;
  detach?: boolean;
}

/** Reply of update `cancel`: the worst outcome, and that of each order. */
export interface PipelineCancelReply {
  outcome: CancelOutcome;
  phase: PipelinePhase;
  steps: { id: string; index?: number; key?: string; outcome: CancelOutcome }[];
}

/** Payload of signal and update `decide`. */
export interface ApprovalDecision {
  step: string;
  decision: 'approve' | 'reject';
  /** Which of the choices, counted from 0. */
  choose?: number | number[];
  reason?: string;
  by?: string;
}

/** First detail of the failure of a decision that is refused since the plan has no such step. */
export interface DecisionRefusal {
  unknown: 'step';
}

/** Short form of the state in the memo, so that lists work without a worker. */
export interface PipelineMemo {
  phase: PipelinePhase;
  costUsd: number;
  presumedUsd?: number;
  steps: Record<string, StepPhase>;
}
