import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';
import { joinSignals } from '../abort-signals/join-signals.ts';
import type { Activities, RequestStatus } from '../domain/activities.ts';
import type { AdoptionQuestion } from '../domain/decision-activities.ts';
import { isJsonObject, isSameJson } from '../domain/json.ts';
import { mayBeOfWork } from '../runcomfy/end-of-work.ts';
import { isRunComfyError, RunComfyError } from '../runcomfy/errors.ts';
import type { ResultReply } from '../runcomfy/schemas/result-reply.ts';
import type { ActivityDeps } from './activity-deps.ts';
import { knownAttributes } from './known-attributes.ts';
import { runReadAttempt } from './reading/read-attempt.ts';
import type { AttemptCount } from './reading/read-counter.ts';
import { failure } from './to-application-failure.ts';

/**
 * Number of looks that must agree before a doubtful answer is accepted, so that a passing fault does not hide what a
 * request is for.
 */
const leastLooks = 3;
const pauseMs = 1_500;

/** Timeout of all looks together, in milliseconds: the attempt has 25 s and needs time to report. */
const withinMs = 22_000;

/**
 * What one look saw: a result (`found`), no result yet (neither), an error that may be all there ever is (`doubt`), or
 * a result that names another request (both).
 */
interface Look {
  found?: ResultReply;
  doubt?: RunComfyError;
}

/** Checks that a request id given by a person exists, is ours, and fits the order if RunComfy says what it is for. */
export function createCheckAdoption(deps: ActivityDeps): Activities['checkAdoption'] {
  return (question) =>
    runReadAttempt(deps, question, async ({ count }) => {
      const { model, requestId, input } = question;
      const done = new AbortController();
      const signal = joinSignals([cancellationSignal(), done.signal], withinMs);
      const found = await lookUntilSure(() => look(deps, question, count, signal), signal).finally(() => {
        done.abort();
      });
      if (found?.modelId !== undefined && found.modelId !== model) {
        throw failure('InvalidInput', 'read', `request ${requestId} is of model ${found.modelId}, not of ${model}`, {
          reads: count.report(),
        });
      }
      if (isJsonObject(found?.input) && Object.keys(found.input).length > 0 && !echoes(found.input, input)) {
        throw failure('InvalidInput', 'read', `request ${requestId} was made with another input than this order`, {
          reads: count.report(),
        });
      }
      return { reads: count.report(), nextReadInMs: 0, ...knownAttributes(deps) };
    });
}

/**
 * Looks until the answer is certain, or enough looks agree on a doubtful one. All of this happens in one attempt:
 * attempts may also fail without an answer from RunComfy, and then delay the next one.
 */
async function lookUntilSure(lookOnce: () => Promise<Look>, signal: AbortSignal): Promise<ResultReply | undefined> {
  let last = await lookOnce();
  let agreeing = 1;
  while (last.doubt && agreeing < leastLooks) {
    const { doubt, found } = last;
    try {
      await sleep(pauseMs, undefined, { signal });
      last = await lookOnce();
    } catch (error) {
      throw signal.aborted ? doubt : error;
    }
    agreeing = (last.found === undefined) === (found === undefined) ? agreeing + 1 : 1;
  }
  return last.found;
}

async function look(
  { runcomfy, readPacer }: ActivityDeps,
  { model, requestId }: AdoptionQuestion,
  count: AttemptCount,
  signal: AbortSignal,
): Promise<Look> {
  readPacer.skipTurn();
  count.add();
  try {
    const found = await runcomfy.result(requestId, { model, signal });
    if (!found.namesAnother) return { found };
    const message = `RunComfy answers for request ${requestId} with the result of another`;
    return { found, doubt: new RunComfyError('ProtocolMismatch', message) };
  } catch (error) {
    if (isNoResultYet(error)) {
      count.add();
      const at = await runcomfy.status(requestId, { signal }).catch(() => undefined);
      const status = at?.namesAnother ? undefined : at?.status;
      // The request exists, but nothing says yet what it is for.
      if (status === 'in_queue' || status === 'in_progress') return {};
      if (isErrorItsResult(error, status)) return { doubt: error };
    }
    // Final at once: a person has seen this id somewhere, so it is not too new for RunComfy to know it.
    if (isRunComfyError(error) && error.type === 'RequestNotFound') {
      throw failure('RequestNotFound', 'read', error.message, { reads: count.report() });
    }
    throw error;
  }
}

/** Whether an error may only say that there is no result before the work has ended. */
function isNoResultYet(error: unknown): error is RunComfyError {
  if (!isRunComfyError(error) || error.isPermanent) return false;
  return error.isFromApplication === true || error.type === 'RequestNotFound' || error.httpStatus === 425;
}

/**
 * Whether the work ended in a way that leaves RunComfy's error as its only result, which cannot say what the request is
 * for.
 */
function isErrorItsResult(error: RunComfyError, status: RequestStatus | undefined): boolean {
  if (!mayBeOfWork(error)) return false;
  if (status === 'failed' || status === 'cancelled') return true;
  // Work that succeeded gets its result once a conflict or an internal error has passed.
  const isConflict = error.httpStatus === 409 || String(error.vendorCode).startsWith('409');
  return status === 'finished' && error.type === 'InvalidInput' && !isConflict;
}

/** Whether an echoed input matches what was sent. RunComfy may add defaults or leave fields out, but changes none. */
function echoes(echo: Record<string, unknown>, sent: Record<string, unknown>): boolean {
  return Object.entries(sent).every(([key, value]) => !Object.hasOwn(echo, key) || isSameJson(echo[key], value));
}
