import { type FailureType, isRetryable } from '../domain/failure-type.ts';
import type { InputIssue, Submission } from '../domain/generation.ts';

const marker = Symbol.for('runcomfy-temporal.RunComfyError');

/** What is known about a failed call besides its type and message. */
export interface RunComfyErrorDetails {
  /** Set on submits: what can be proven about the paid POST. */
  submission?: Exclude<Submission, 'accepted'>;
  httpStatus?: number;
  /** RunComfy's own `error_code`. */
  vendorCode?: number | string;
  /** RunComfy's own words, without the token. */
  vendorMessage?: string;
  /** `Retry-After`, at most 5 minutes. */
  retryAfterMs?: number;
  /** The problems of the input that RunComfy listed. */
  issues?: InputIssue[];
  /** RunComfy's application wrote the reply, not a server in front of it. */
  isFromApplication?: boolean;
  /**
   * A server in front of RunComfy may have written the reply: a "not found" in a form that is not RunComfy's own, or a
   * reply that names another request and has no code by which RunComfy denies this one.
   */
  isUnsigned?: boolean;
  /** The reply has an output, or says that the work is over, but names another request. */
  isOfAnother?: boolean;
  /** The status says that the work was stopped, but its result says that it is under way. */
  isContradicted?: boolean;
  /** The reply with the error names another request. */
  namesAnother?: boolean;
  /** No later attempt can succeed, e.g. a request that belongs to someone else. */
  isPermanent?: boolean;
  /** The result was asked for before the work was over. */
  notReady?: boolean;
  /** The reply that came instead of an acknowledgement, cut; set on a submit of unknown outcome. */
  reply?: string;
  /** The request id found in that reply. */
  repliedRequestId?: string;
  /** The output as RunComfy sent it, cut; set if no URL was found in it. */
  rawOutput?: string;
  /** What the request cost according to RunComfy, although it has no usable output. */
  costUsd?: number;
  cause?: unknown;
}

/** RunComfy's code for a request of another account. */
export const foreignRequestCode = 403_001;

const unknownModelCode = 400_001;

/** One failed call to RunComfy: what it means (`type`) and everything known about it. Never carries the token. */
export class RunComfyError extends Error {
  readonly type: FailureType;
  declare readonly submission?: Exclude<Submission, 'accepted'>;
  declare readonly httpStatus?: number;
  declare readonly vendorCode?: number | string;
  declare readonly vendorMessage?: string;
  declare readonly retryAfterMs?: number;
  declare readonly issues?: InputIssue[];
  declare readonly isFromApplication?: boolean;
  declare readonly isUnsigned?: boolean;
  declare readonly isOfAnother?: boolean;
  declare readonly isContradicted?: boolean;
  declare readonly namesAnother?: boolean;
  declare readonly isPermanent?: boolean;
  declare readonly notReady?: boolean;
  declare readonly reply?: string;
  declare readonly repliedRequestId?: string;
  declare readonly rawOutput?: string;
  declare readonly costUsd?: number;

  constructor(type: FailureType, message: string, { cause, ...details }: RunComfyErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RunComfyError';
    this.type = type;
    Object.assign(this, details);
    Object.defineProperty(this, marker, { value: true });
  }
}

/** Recognises a `RunComfyError` by its marker, so that a second copy of this module does not matter. */
export function isRunComfyError(value: unknown): value is RunComfyError {
  return typeof value === 'object' && value !== null && marker in value;
}

/**
 * Whether a read of the catalogue failed because the model does not exist: HTTP 404, or HTTP 400 with RunComfy's
 * documented code.
 */
export function isUnknownModel(error: unknown): boolean {
  if (!isRunComfyError(error)) return false;
  return error.httpStatus === 404 || (error.httpStatus === 400 && error.vendorCode === unknownModelCode);
}

/**
 * Whether RunComfy refused the token, or no usable one is set. False if the token could not be read, e.g. while its
 * secret is being rotated.
 */
export function isTokenRefused(error: unknown): boolean {
  if (!isRunComfyError(error) || error.type !== 'Unauthenticated') return false;
  return error.httpStatus !== undefined || error.cause === undefined;
}

/** Whether a failed read may succeed later: any error but a `RunComfyError` that is permanent or not retryable. */
export function mayReadLater(error: unknown): boolean {
  return !isRunComfyError(error) || (isRetryable(error.type, 'read') && error.isPermanent !== true);
}
