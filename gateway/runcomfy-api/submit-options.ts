import type { FastifyRequest } from 'fastify';
import { parseDuration } from '../../domain/duration.ts';
import { unknownSubmissionPolicies, type UnknownSubmissionPolicy } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { maxStretchMs } from '../../domain/request-checks.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { singleHeader } from '../http/single-header.ts';

/** Options of a submit, sent in headers of ours. */
export interface SubmitOptions {
  deadlineMs?: number;
  onUnknownSubmission?: UnknownSubmissionPolicy;
  retry?: 'if-unbilled';
}

/** Reads the options; refuses a malformed header by its name. */
export function submitOptionsOf(request: FastifyRequest): SubmitOptions {
  return withoutUndefined({
    deadlineMs: deadlineOf(singleHeader(request, 'Cancel-After')),
    onUnknownSubmission: policyOf(singleHeader(request, 'RunComfy-Temporal-On-Unknown')),
    retry: retryOf(singleHeader(request, 'RunComfy-Temporal-Retry')),
  });
}

function deadlineOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= maxStretchMs) return ms;
  throw new RefusalError('MalformedRequest', 'Cancel-After: expected seconds up to a year, such as 90, 90s, 30m or 2h');
}

function policyOf(text: string | undefined): UnknownSubmissionPolicy | undefined {
  if (text === undefined) return undefined;
  const policy = unknownSubmissionPolicies.find((word) => word === text);
  if (policy !== undefined) return policy;
  throw new RefusalError('MalformedRequest', 'RunComfy-Temporal-On-Unknown: expected hold, fail or resubmit');
}

function retryOf(text: string | undefined): 'if-unbilled' | undefined {
  if (text === undefined || text === 'if-unbilled') return text;
  throw new RefusalError('MalformedRequest', 'RunComfy-Temporal-Retry: expected if-unbilled');
}
