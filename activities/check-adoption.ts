import { activityInfo } from '@temporalio/activity';
import type { Activities, RequestStatus } from '../domain/activities.ts';
import { isJsonObject, isSameJson } from '../domain/json.ts';
import { mayBeOfWork } from '../runcomfy/end-of-work.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';
import type { ActivityDeps } from './activity-deps.ts';
import { knownAttributes } from './known-attributes.ts';
import { runReadAttempt } from './reading/read-attempt.ts';
import { failure } from './to-application-failure.ts';

/** What lasts for so many attempts, 3 s at least, is no passing trouble that hides what a request is for. */
const leastLooks = 3;

/** Checks that a request id given by a person exists, is ours, and fits the order where RunComfy says what it is for. */
export function createCheckAdoption(deps: ActivityDeps): Activities['checkAdoption'] {
  const { runcomfy, readPacer } = deps;
  return (question) =>
    runReadAttempt(deps, question, async ({ count }) => {
      const { model, requestId, input } = question;
      readPacer.skipTurn();
      count.add();
      const found = await runcomfy.result(requestId, { model }).catch(async (error: unknown) => {
        if (isNoResultYet(error)) {
          count.add();
          const at = await runcomfy.status(requestId).catch(() => undefined);
          // It is there, and nothing says yet what it is for.
          if (at?.status === 'in_queue' || at?.status === 'in_progress') return undefined;
          if (isErrorItsResult(error, at?.status) && activityInfo().attempt >= leastLooks) return undefined;
        }
        // A person has seen this id somewhere: no reply is still on its way to RunComfy's records.
        if (isRunComfyError(error) && error.type === 'RequestNotFound') {
          throw failure('RequestNotFound', 'read', error.message, { reads: count.report() });
        }
        throw error;
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

/** What the application says of a result may be that there is none before the end. */
function isNoResultYet(error: unknown): boolean {
  if (!isRunComfyError(error) || error.isPermanent) return false;
  return error.isFromApplication === true || error.type === 'RequestNotFound' || error.httpStatus === 425;
}

/** Whether the work ended so that RunComfy's error is all that there is for a result: it cannot say what it is for. */
function isErrorItsResult(error: unknown, status: RequestStatus | undefined): boolean {
  if (!isRunComfyError(error) || !mayBeOfWork(error)) return false;
  if (status === 'failed' || status === 'cancelled') return true;
  // Work that went well has another result once a conflict or an internal error has passed.
  const isConflict = error.httpStatus === 409 || String(error.vendorCode).startsWith('409');
  return status === 'finished' && error.type === 'InvalidInput' && !isConflict;
}

/** RunComfy may add defaults to the input that it echoes; what was sent must be in it unchanged. */
function echoes(echo: Record<string, unknown>, sent: Record<string, unknown>): boolean {
  return Object.entries(sent).every(([key, value]) => !Object.hasOwn(echo, key) || isSameJson(echo[key], value));
}
