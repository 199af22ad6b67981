import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  TerminatedFailure,
  TimeoutFailure,
  type WorkflowFailedError,
} from '@temporalio/client';
import { readFailureDetails } from '../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../domain/failure-type.ts';
import type { FailureDetails, GenerationState, InputIssue, Phase, Submission } from '../domain/generation.ts';
import type { PipelineFailureDetails } from '../domain/pipeline/pipeline-run.ts';

/** What can go wrong between a caller and Temporal, apart from the failures of a generation itself. */
export const clientErrorTypes = [
  'KeyNotFound',
  'KeyInUse',
  'StillRunning',
  'StepNotFound',
  'NoLateResult',
  'ResolutionRefused',
  'NoWorker',
  'WorkerFailing',
  'TemporalBusy',
  'TemporalUnreachable',
  'Undecodable',
] as const;

/** What can go wrong between a caller and Temporal. */
export type ClientErrorType = (typeof clientErrorTypes)[number];

/** Every `type` that a `GenerationError` can have. */
export type GenerationErrorType = FailureType | ClientErrorType;

const marker = Symbol.for('runcomfy-temporal.GenerationError');

/** The fields of a `GenerationError`; those that are not known are missing. */
export interface GenerationErrorFields {
  type: GenerationErrorType;
  message: string;
  key?: string | undefined;
  model?: string | undefined;
  requestId?: string | undefined;
  phase?: Phase | undefined;
  submission?: Submission | undefined;
  issues?: InputIssue[] | undefined;
  /** First detail of the workflow's failure, as received. */
  details?: Partial<FailureDetails> | undefined;
  /** First detail of a pipeline's failure, as received. */
  pipeline?: Partial<PipelineFailureDetails> | undefined;
  cause?: unknown;
}

/** The one error of this library: `type` says what happened, and `requestId` is RunComfy's id of the request. */
export class GenerationError extends Error {
  override readonly name = 'GenerationError';
  readonly type: GenerationErrorType;
  readonly key: string | undefined;
  readonly model: string | undefined;
  readonly requestId: string | undefined;
  readonly phase: Phase | undefined;
  readonly submission: Submission | undefined;
  readonly issues: InputIssue[] | undefined;
  readonly details: Partial<FailureDetails> | undefined;
  readonly pipeline: Partial<PipelineFailureDetails> | undefined;

  constructor(fields: GenerationErrorFields) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    // A failure without details gives an error without `details`.
    const details = fields.details && Object.keys(fields.details).length > 0 ? fields.details : undefined;
    this.type = fields.type;
    this.key = fields.key ?? details?.key;
    this.model = fields.model ?? details?.model;
    this.requestId = fields.requestId ?? details?.requestId;
    this.phase = fields.phase ?? details?.phase;
    this.submission = fields.submission ?? details?.submission;
    this.issues = fields.issues ?? details?.issues;
    this.details = details;
    this.pipeline = fields.pipeline;
    Object.defineProperty(this, marker, { value: true });
  }
}

/** Recognizes our errors by a marker instead of their class, so that it works across two copies of this library. */
export function isGenerationError(error: unknown): error is GenerationError {
  return typeof error === 'object' && error !== null && marker in error;
}

/**
 * Converts the failed end of a workflow into an error; `state` fills in what the failure itself carries no details of.
 */
export function toGenerationError(error: WorkflowFailedError, key: string, state?: GenerationState): GenerationError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    const details = readFailureDetails(cause);
    const type = isFailureType(cause.type) ? cause.type : 'GenerationFailed';
    return new GenerationError({
      type,
      message: cause.message,
      key,
      details,
      cause: error,
    });
  }
  const known = {
    key,
    model: state?.model,
    requestId: state?.requestId,
    phase: state?.phase,
    submission: state?.submission ?? ('unknown' as const),
    details: state?.failure?.details,
    cause: error,
  };
  const of = nameOf(key, state?.requestId);
  if (cause instanceof CancelledFailure) {
    const outcome = state?.cancel?.outcome;
    const became = outcome === undefined ? '' : `; what RunComfy made of it: ${outcome}`;
    return new GenerationError({
      ...known,
      type: 'GenerationCancelled',
      message: `${of} was cancelled${became}`,
    });
  }
  if (cause instanceof TerminatedFailure || cause instanceof TimeoutFailure) {
    const how = cause instanceof TerminatedFailure ? 'terminated' : 'timed_out';
    return new GenerationError({ ...known, ...endedOutside(how, key, state?.requestId) });
  }
  const reason = cause?.message ?? error.message;
  return new GenerationError({
    ...known,
    type: 'GenerationFailed',
    message: `${of} failed: ${reason}`,
  });
}

/** Type and message for a generation that Temporal terminated or timed out without its workflow hearing of it. */
export function endedOutside(
  how: 'terminated' | 'timed_out',
  key: string,
  requestId: string | undefined,
): { type: FailureType; message: string } {
  const what = how === 'terminated' ? 'was terminated in Temporal' : "was ended by Temporal's own timeout";
  return {
    type: how === 'terminated' ? 'GenerationCancelled' : 'GenerationTimedOut',
    message: `${nameOf(key, requestId)} ${what}; RunComfy was not told, so its work may run on and be billed`,
  };
}

/** Says what ended a batch or pipeline that was not cancelled and could not report its own failure. */
export function whatEnded({ cause, message }: WorkflowFailedError): {
  how: 'terminated' | 'timed_out' | 'failed';
  what: string;
} {
  if (cause instanceof TerminatedFailure) return { how: 'terminated', what: 'was terminated in Temporal' };
  if (cause instanceof TimeoutFailure) return { how: 'timed_out', what: "was ended by Temporal's own timeout" };
  const reason = cause?.message ?? message;
  if (!(cause instanceof ActivityFailure)) return { how: 'failed', what: `failed: ${reason}` };
  return { how: 'failed', what: `failed, as an activity of it was given up (${cause.cause?.message ?? reason})` };
}

function nameOf(key: string, requestId: string | undefined): string {
  return `generation "${key}"${requestId === undefined ? '' : ` (request ${requestId})`}`;
}

/** The everyday name of a workflow of this type, such as "generation" or "pipeline". */
function nounOf(workflowType: string): string {
  return workflowType.startsWith('runcomfy') ? workflowType.slice('runcomfy'.length).toLowerCase() : 'workflow';
}

/** The error for a key that Temporal does not know, or whose runs it has removed. */
export function keyNotFound(
  key: string,
  { noun = 'generation', cause }: { noun?: string; cause?: unknown } = {},
): GenerationError {
  const message = `there is no ${noun} "${key}": Temporal does not know this key, or keeps it no longer`;
  return new GenerationError({ type: 'KeyNotFound', message, key, cause });
}

/** The workflow that waits for a worker, and on which task queue. */
export interface WaitingPlace {
  key: string;
  workflowType: string;
  taskQueue: string;
  namespace: string;
}

/** The error for a task queue that no worker polls. */
export function noWorker({ key, workflowType, taskQueue, namespace }: WaitingPlace): GenerationError {
  const message = `no worker answers for ${nounOf(workflowType)} "${key}": start one on task queue "${taskQueue}" of namespace "${namespace}" with \`runcomfy-temporal worker\``;
  return new GenerationError({ type: 'NoWorker', message, key });
}

/** The error for a workflow whose tasks fail on every worker that takes them. */
export function workerFailing(
  { key, workflowType }: Pick<WaitingPlace, 'key' | 'workflowType'>,
  { attempts, reason }: { attempts: number; reason: string },
): GenerationError {
  const message = `workers cannot go on with ${nounOf(workflowType)} "${key}", they fail on its tasks (attempt ${String(attempts)}): ${reason}; look at their logs, codec keys and version`;
  return new GenerationError({ type: 'WorkerFailing', message, key });
}
