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
  /** A plan (see `docs/plans.md`). */
  plan: object;
  params?: Record<string, unknown>;
  /** Prefix of the keys of the orders; default: the pipeline's own key. */
  lineage?: string;
  /** Order again, under a new key, what failed and may have been billed. */
  orderAgain?: boolean;
  /** Milliseconds from the start; default 7 days. */
  deadlineMs?: number;
  /** Nothing is ordered whose price is unknown or could take the total above this. */
  maxCostUsd?: number;
  /** Names of at most 4 budgets; every order is reserved in each before it is sent. */
  budgets?: string[];
  /** Most orders open at once; default 20. */
  maxParallel?: number;
  /** Default for steps that do not set it. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  /** Default for steps that do not set it; default `fail`. */
  onWall?: WallPolicy;
  /** Default for steps that do not set it. */
  waiting?: WaitingOptions;
}

/** Default deadline of a pipeline: 7 days. */
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

/** Why a step or an order failed: one of our failure types, or one that only steps have. */
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
  /** This and the next two: as in the details of the order's failure. */
  otherRequestIds?: string[];
  otherCostUsd?: number;
  otherCostsUnknown?: number;
  /** The budget without room for the order. */
  budget?: string;
  issues?: InputIssue[];
}

/** One attempted order and its outcome. */
export interface AttemptState {
  key: string;
  model: string;
  /** `succeeded`, or the type of its failure. */
  outcome: string;
  costUsd?: number;
  /** Set if the order failed. */
  submission?: Submission;
  /** What became of the cancel of it. */
  cancel?: CancelOutcome;
}

/** The state of the order of a step, or of one of its items. */
export interface OrderState {
  key?: string;
  model?: string;
  requestId?: string;
  output?: GenerationOutput;
  priceUsd?: number;
  costUsd?: number;
  /** An earlier run had already ordered it. */
  reused?: boolean;
  attempts?: AttemptState[];
  failure?: StepFailure;
}

/** Where an item of a `forEach` stands. */
export interface ItemState extends OrderState {
  index: number;
  phase: StepPhase;
}

/** What an approval asks, and the decision. */
export interface ApprovalState {
  message?: string;
  choices?: string[];
  /** How many of the choices have to be chosen. */
  count?: number;
  /** ISO 8601. */
  deadlineAt: string;
  onDeadline: 'reject' | 'approve';
  decision?: 'approve' | 'reject';
  /** What was chosen. */
  chosen?: string[];
  reason?: string;
  /** Who decided; `deadline` if nobody did. */
  by?: string;
}

/** Where a step stands. */
export interface StepState extends OrderState {
  id: string;
  phase: StepPhase;
  /** The unfinished steps that it waits for. */
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
  /** The known part of what this run was billed. */
  costUsd: number;
  /** Expected prices of orders that ended without a stated cost; count against the limit. Absent: none. */
  presumedUsd?: number;
  /** Expected prices of the orders that are open. */
  reservedUsd: number;
  maxCostUsd?: number;
  steps: StepState[];
  cancel?: PipelineCancelState;
  failure?: PipelineFailure;
  warnings: string[];
  /** Outputs of items were left out to keep the answer below 1 MiB; they can be found under the items' keys. */
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
  /** Number of orders that may have cost something, with neither cost nor price known. Absent: none. */
  unpriced?: number;
  /** ISO 8601. */
  startedAt: string;
  endedAt: string;
}

/** First entry in the `details` of a pipeline's failure. */
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

/** Payload of signal and update `cancel` of a pipeline. `detach`: do not wait for work that cannot be stopped. */
export interface PipelineCancelMessage {
  reason?: string;
  detach?: boolean;
}

/** Reply of update `cancel`: the worst outcome, and the outcome of each order. */
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

/** First entry in the `details` of the failure when a decision is refused because the plan has no such step. */
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
