import { z } from 'zod';
import type { UnfinishedStatus } from '../../domain/activities.ts';
import type { GenerationOutput } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { inputUrlsOf } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { namesAnother, namesRequest, readStatus } from './believed-status.ts';
import { amount, filledString, optionalField } from './lenient.ts';
import { type OutputDetails, outputDetailsOf } from './output-details.ts';
import { isEmptyOutput, type OutputContext, outputOf, readOutput, unwrapped } from './output.ts';
import { errorReason, failureReason, type Reason } from './reason.ts';
import { normalizeWord, quoteStatusWord, readStatusWord } from './status-words.ts';

const maxRawOutputLength = 1_000;

/** Longest text taken for a time. A longer one is no date, and would only bloat the history of a paid result. */
const maxDateLength = 100;

interface ResultFacts {
  /** RunComfy's own times, as it writes them. */
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  /** The model that made the output, if RunComfy names it. */
  modelId?: string;
  /** The input, if RunComfy echoes it. */
  input?: unknown;
  /** The reply names the request that was asked for. */
  isNamed?: true;
  /** The reply names a request other than the one asked for. */
  namesAnother?: true;
}

/** The output: its URLs, and what a reply of RunComfy's own shape needs besides them. */
export interface OutputReply extends OutputDetails {
  output: GenerationOutput;
}

interface FoundOutput extends OutputReply {
  rawOutput?: string;
}

/** The reason given where RunComfy gives none. */
export const noReason = 'RunComfy gave no reason';

/** Why there is no output. */
export interface Failure {
  reason: string;
  vendorCode?: number | string;
}

/**
 * What a result read says. `succeeded` may come without an output; the caller decides whether to wait or to give up.
 */
export type ResultReply =
  | (ResultFacts & FoundOutput & { status: 'succeeded' })
  | (ResultFacts & Failure & { status: 'failed' })
  | (ResultFacts & { status: 'cancelled' })
  /** `underWay` is set only if the reply names the request. */
  | (ResultFacts & { status: 'not_ready'; underWay?: UnfinishedStatus })
  /**
   * A status word that is unknown or contradicted by the error next to it. That error's `reason` must not be believed
   * at once.
   */
  | (ResultFacts & FoundOutput & Partial<Failure> & Unrecognized);

interface Unrecognized {
  status: 'unrecognized';
  statusWord: string;
  /** A server in front of RunComfy may have written the reply. */
  isUnsigned?: true;
}

const wireResult = z.looseObject({
  status: z.unknown().optional(),
  output: z.unknown().optional(),
  created_at: optionalField(filledString.max(maxDateLength)),
  finished_at: optionalField(filledString.max(maxDateLength)),
  cost: optionalField(amount),
  model_id: optionalField(filledString),
  input: z.unknown().optional(),
});

/** The schema of a result reply for one request. */
export function resultReply(context: OutputContext & { requestId?: string }) {
  return wireResult.transform((reply): ResultReply => {
    const inputUrls = [...(context.inputUrls ?? []), ...inputUrlsOf(reply.input)];
    const found = outputOf(reply);
    const ofOutput = { ...context, inputUrls };
    const output = readOutput(found, ofOutput);
    const isEmpty = isEmptyOutput(output);
    const isNamed = namesRequest(reply, context.requestId);
    const isOfAnother = namesAnother(reply, context.requestId);
    const facts: ResultFacts = withoutUndefined({
      createdAt: reply.created_at,
      finishedAt: reply.finished_at,
      // A reply that names another request is believed once it has lasted, and only if it has an output.
      costUsd: isOfAnother && isEmpty ? undefined : reply.cost,
      modelId: reply.model_id,
      input: reply.input,
      isNamed: isNamed || undefined,
      namesAnother: isOfAnother || undefined,
    });
    const status = readStatus(reply, context.requestId);
    const raw = isEmpty ? rawOutputOf(found) : outputDetailsOf(unwrapped(found), output, ofOutput);
    switch (status) {
      case 'in_queue':
      case 'in_progress':
        return { ...facts, status: 'not_ready', ...(isNamed && { underWay: status }) };
      case 'cancelled':
        return { ...facts, status };
      case 'failed':
        return { ...facts, status, ...failureOf(failureReason(reply)) };
      case 'finished': {
        // `completed` says only that the work is over: an error instead of an output is a failure.
        const reason = errorReason(reply);
        if (!isEmpty || reason.text === undefined) return { ...facts, status: 'succeeded', output, ...raw };
        const isSuccess = ['succeeded', 'success'].includes(normalizeWord(reply.status));
        if (!isSuccess && !isPassing(reason) && !isOfAnother)
          return { ...facts, status: 'failed', ...failureOf(reason) };
        return {
          ...facts,
          status: 'unrecognized',
          statusWord: quoteStatusWord(reply.status),
          output,
          ...raw,
          ...failureOf(reason),
          ...(isOfAnother && { isUnsigned: true }),
        };
      }
      case 'unrecognized': {
        // A word that means failure may come with its reason in any field, as for a reply believed to be one.
        const reason = readStatusWord(reply.status) === 'failed' ? failureReason(reply) : errorReason(reply);
        return {
          ...facts,
          status,
          statusWord: quoteStatusWord(reply.status),
          output,
          ...raw,
          ...(isEmpty && reason.text !== undefined && { ...failureOf(reason), ...(!isNamed && { isUnsigned: true }) }),
        };
      }
    }
  });
}

/** The output as it came, cut, for the person who has to find the files in it. */
function rawOutputOf(output: unknown): { rawOutput?: string } {
  if (output === undefined || output === null || output === '') return {};
  return { rawOutput: cutText(typeof output === 'string' ? output : JSON.stringify(output), maxRawOutputLength) };
}

/** Whether an error is an internal one of RunComfy's (code 5xx), after which the result is read again. */
function isPassing({ code }: Reason): boolean {
  return typeof code === 'number' && code >= 500_000 && code < 600_000;
}

function failureOf({ text, code }: Reason): Failure {
  return { reason: text ?? noReason, ...(code !== undefined && { vendorCode: code }) };
}
