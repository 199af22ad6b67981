import { type GenerationError, type GenerationErrorType, isGenerationError } from '../../client/index.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { Principal } from '../access/principal.ts';
import { type Problem, type ProblemName, problemNames, wordsOfProblem } from '../contract/problem.ts';
import type { RefusalError, RefusalName } from '../http/refusal-error.ts';
import { toRefusal } from '../http/to-refusal.ts';
import { EndedError } from './ended-error.ts';
import { inCallersWords } from './own-words.ts';

/** The call that is refused; one that never became a request has no caller. */
export interface RefusedCall {
  id: string;
  url: string;
  principal?: Principal;
}

/** The reply of our API to a refused call. */
export interface ProblemReply {
  problem: Problem;
  headers: Record<string, string>;
  /** For the log. */
  cause: unknown;
}

const retryAfterS = 2;

/** One message for a key that was never used, is not kept any more, or belongs to another caller. */
const unknownKey = 'there is nothing of yours with this key: it was never used, or is kept no longer';
const noWorker =
  'no worker can answer this now, and what was sent may be carried out once one can: the operator of the gateway has to look at the workers';

/** Messages to callers for errors whose details concern only the operator. */
const withheld: Partial<Record<GenerationErrorType, { name: ProblemName; sentence: string }>> = {
  KeyNotFound: { name: 'KeyNotFound', sentence: unknownKey },
  TemporalUnreachable: { name: 'TemporalUnreachable', sentence: 'Temporal does not answer now: repeat this call' },
  TemporalBusy: { name: 'Overloaded', sentence: 'Temporal is busy: repeat this call in a moment' },
  NoWorker: { name: 'NoWorker', sentence: noWorker },
  WorkerFailing: { name: 'NoWorker', sentence: noWorker },
  Undecodable: { name: 'Internal', sentence: 'what Temporal keeps of this cannot be read here: the log says why' },
};

/** Names of our API for refusals of RunComfy's; the type makes the list complete. */
const ownNames = {
  BrokenJson: 'MalformedRequest',
  ModelUnknown: 'ModelNotFound',
  ForeignOrigin: 'NotAllowed',
  // Our API answers a cancel without an outcome with 202 instead.
  CancelUnclear: 'Internal',
} as const satisfies Record<Exclude<RefusalName, ProblemName>, ProblemName>;

/** An error as a problem document. */
export function problemReply(error: unknown, request: RefusedCall): ProblemReply {
  if (error instanceof EndedError) return ofEnd(error, request);
  if (isGenerationError(error)) return ofClient(error, request);
  return ofRefusal(toRefusal(error), request);
}

function ofRefusal(refusal: RefusalError, request: RefusedCall): ProblemReply {
  const { message, issues, headers, key, cause } = refusal;
  const name = ownNameOf(refusal.refusal);
  const retryAfter = headers['retry-after'];
  const fields = {
    key,
    issues: issues.length > 0 && name !== 'MalformedRequest' ? [...issues] : undefined,
    retryAfterS: retryAfter === undefined ? undefined : Number(retryAfter),
  };
  const detail = name === 'KeyNotFound' ? unknownKey : message;
  return { problem: problemOf(name, detail, request, fields), headers, cause: cause ?? refusal };
}

/** The reply to an error of the library; its messages name keys as the caller knows them. */
function ofClient(error: GenerationError, request: RefusedCall): ProblemReply {
  const { type, issues, message, key, submission, requestId } = error;
  const told = inCallersWords(request.principal, { message, issues }, key);
  const { name, sentence } = withheld[type] ?? { name: named(type), sentence: told.message };
  const isPassing = wordsOfProblem(name).status === 503;
  const fields = isPassing ? { retryAfterS } : { issues: told.issues, submission, requestId };
  return {
    problem: problemOf(name, sentence, request, fields),
    headers: isPassing ? { 'retry-after': String(retryAfterS) } : {},
    cause: error,
  };
}

function ofEnd({ failure, key, outcome }: EndedError, request: RefusedCall): ProblemReply {
  const { type, message, details } = failure;
  const { submission, requestId, issues } = details;
  const fields = { key, submission, requestId, issues, outcome };
  const problem = { ...problemOf(type, message, request, fields), status: 409 };
  return { problem, headers: {}, cause: failure };
}

function ownNameOf(name: RefusalName): ProblemName {
  return hasOwnName(name) ? ownNames[name] : name;
}

function hasOwnName(name: RefusalName): name is keyof typeof ownNames {
  return Object.hasOwn(ownNames, name);
}

function named(word: string): ProblemName {
  return problemNames.find((name) => name === word) ?? 'Internal';
}

type Fields = {
  [Name in 'key' | 'requestId' | 'submission' | 'issues' | 'outcome' | 'retryAfterS']: Problem[Name] | undefined;
};

function problemOf(name: ProblemName, detail: string, request: RefusedCall, fields: Partial<Fields>): Problem {
  return {
    type: `urn:runcomfy-temporal:problem:${name}`,
    ...wordsOfProblem(name),
    detail,
    name,
    traceId: request.id,
    instance: request.url.replace(/\?.*$/s, ''),
    ...withoutUndefined(fields),
  };
}
