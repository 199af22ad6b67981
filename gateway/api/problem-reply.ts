import { type GenerationError, type GenerationErrorType, isGenerationError } from '../../client/index.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { Principal } from '../access/principal.ts';
import { type Problem, type ProblemName, problemNames, wordsOfProblem } from '../contract/problem.ts';
import type { RefusalError, RefusalName } from '../http/refusal-error.ts';
import { toRefusal } from '../http/to-refusal.ts';
import { EndedError } from './ended-error.ts';
import { inCallersWords } from './own-words.ts';

/** What is known of a call that is refused; one that never became a request has no caller. */
export interface RefusedCall {
  id: string;
  url: string;
  principal?: Principal;
}

/** How a call of our API is refused. */
export interface ProblemReply {
  problem: Problem;
  headers: Record<string, string>;
  /** What the log is told. */
  cause: unknown;
}

const retryAfterS = 2;

/** The same words whether it never was, is kept no longer, or belongs to somebody else. */
const unknownKey = 'there is nothing of yours with this key: it was never used, or is kept no longer';
const noWorker =
  'no worker can answer this now, and what was sent may be carried out once one can: the operator of the gateway has to look at the workers';

/** What a caller is told instead of what concerns the operator. */
const withheld: Partial<Record<GenerationErrorType, { name: ProblemName; sentence: string }>> = {
  KeyNotFound: { name: 'KeyNotFound', sentence: unknownKey },
  TemporalUnreachable: { name: 'TemporalUnreachable', sentence: 'Temporal does not answer now: repeat this call' },
  TemporalBusy: { name: 'Overloaded', sentence: 'Temporal is busy: repeat this call in a moment' },
  NoWorker: { name: 'NoWorker', sentence: noWorker },
  WorkerFailing: { name: 'NoWorker', sentence: noWorker },
  Undecodable: { name: 'Internal', sentence: 'what Temporal keeps of this cannot be read here: the log says why' },
};

/** What our API names otherwise than RunComfy's: the compiler asks for all that it does not have. */
const ownNames = {
  BrokenJson: 'MalformedRequest',
  ModelUnknown: 'ModelNotFound',
  ForeignOrigin: 'NotAllowed',
  // Ours tells of a cancel without an outcome by 202.
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

/** What stands between the gateway and a generation; every sentence names keys as the caller knows them. */
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
