import { type FailureType, isRetryable } from '../domain/failure-type.ts';
import type { InputIssue, Submission } from '../domain/generation.ts';

const marker = Symbol.for('runcomfy-temporal.RunComfyError');

/** What is known of a failed call, beside its type and message. */
export interface RunComfyErrorDetails {
  /** Set on submits: what is provable about the paid POST. */
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
  /** RunComfy's application wrote the reply, no server in front of it. */
  isFromApplication?: boolean;
  /** What a server in front of RunComfy may have written as well: "not found" in words, or anything under another id. */
  isUnsigned?: boolean;
  /** An output, or that the work is over, in a reply that names another request. */
  isOfAnother?: boolean;
  /** The error stands in a reply that names another request. */
  namesAnother?: boolean;
  /** No later attempt can succeed, e.g. a request that belongs to someone else. */
  isPermanent?: boolean;
  /** The result was asked for before the work was over. */
  notReady?: boolean;
  /** What came back instead of an accepted request, cut; on a submit of unknown outcome. */
  reply?: string;
  /** A request id that stood in that reply. */
  repliedRequestId?: string;
  /** The output as RunComfy sent it, cut, where no URL could be taken from it. */
  rawOutput?: string;
  /** What RunComfy says that the request cost although nothing came of it. */
  costUsd?: number;
  cause?: unknown;
}

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

/** Whether a read of the catalogue failed since there is no such model: by 404, or by the code that RunComfy documents. */
export function isUnknownModel(error: unknown): boolean {
  if (!isRunComfyError(error)) return false;
  return error.httpStatus === 404 || (error.httpStatus === 400 && error.vendorCode === unknownModelCode);
}

/** Whether RunComfy refuses the token, or there is none: not where a secret that is being rotated is away for a moment. */
export function isTokenRefused(error: unknown): boolean {
  if (!isRunComfyError(error) || error.type !== 'Unauthenticated') return false;
  return error.httpStatus !== undefined || error.cause === undefined;
}

/** Whether a read that failed may succeed later: what was no answer from RunComfy, and what need not stay so. */
export function mayReadLater(error: unknown): boolean {
  return !isRunComfyError(error) || (isRetryable(error.type, 'read') && error.isPermanent !== true);
}
