import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { Activities, CancelAnswer, RequestStatus } from '../domain/activities.ts';
import { isJsonObject, withoutUndefined } from '../domain/json.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';
import { attributesFor } from './known-attributes.ts';
import { readEnd, type ReadingDeps } from './reading/late-cost.ts';
import { readKey } from './reading/read-attempt.ts';
import type { AttemptCount } from './reading/read-counter.ts';
import { failure } from './to-application-failure.ts';

/** With the time that the cancel itself may take, less than an attempt's 15 s. */
const statusWithinMs = 4_000;

/** An attempt has 15 s. */
const answerWithinMs = 14_000;

/** RunComfy has so long for an answer, from all attempts together: time in which no worker asks is not counted. */
const askForMs = 30_000;

const longestBackoffMs = 5_000;

/** Kept by the server between the attempts of one cancel. */
interface CancelHeartbeat {
  /** With the pause that follows. */
  askedForMs: number;
  reads: number;
}

/** A cancel that was only noted shows, or fails to show, within these. */
const secondLooksMs = [1_000, 3_000];

/**
 * `POST /requests/{id}/cancel`, checked by one status read: a lost reply may have stopped the work all the same, and a
 * cancel that was acknowledged may have come too late.
 */
export function createCancelRequest(deps: ReadingDeps): Activities['cancelRequest'] {
  const { runcomfy, readCounter, openAttempts, readPacer, lateCost } = deps;
  return async (question) => {
    const { model, requestId, readsSoFar } = question;
    const startedAt = performance.now();
    const key = readKey(requestId);
    const before = heartbeatOf(activityInfo().heartbeatDetails);
    const count = readCounter.open(key, readsSoFar, before.reads);
    openAttempts.drop(key);
    const noOutcome = (message: string): Error => {
      const backoffMs = Math.min(longestBackoffMs, 1_000 * 2 ** (activityInfo().attempt - 1));
      const askedForMs = before.askedForMs + performance.now() - startedAt + backoffMs;
      const reads = count.unreported();
      heartbeat({ askedForMs, reads } satisfies CancelHeartbeat);
      // No answer but an outcome ends them early.
      const isLast = askedForMs >= askForMs;
      return failure('ServiceUnavailable', 'cancel', message, { reads }, backoffMs, isLast);
    };
    const answer = async (outcome: CancelAnswer['outcome'], status?: RequestStatus): Promise<CancelAnswer> => {
      const readAt = new Date().toISOString();
      const latestAt = Math.min(performance.now() + statusWithinMs, startedAt + answerWithinMs);
      const isOver = status === 'cancelled' || status === 'finished' || status === 'failed';
      const end = isOver
        ? await readEnd({ runcomfy }, { model, requestId }, count, latestAt - performance.now())
        : undefined;
      if (status === 'cancelled' && end?.notStopped === 'in_progress')
        throw noOutcome(
          `RunComfy says that request ${requestId} was cancelled, and by its result that it is under way`,
        );
      // A status may say of stopped work, too, that it is over, and of other work that it was stopped: the result tells.
      const isStopped = end?.status === 'cancelled' || (status === 'cancelled' && end?.notStopped === undefined);
      const told: RequestStatus | undefined = isStopped ? 'cancelled' : status === 'cancelled' ? 'finished' : status;
      // Whoever waits for the answer gets it as soon as where one read takes all its time.
      const costUsd = isStopped
        ? await lateCost({ model, requestId }, { status: 'cancelled', costUsd: end?.costUsd }, count, latestAt)
        : end?.costUsd;
      return {
        outcome: isStopped ? 'cancelled' : isOver ? 'not_cancellable' : outcome,
        ...withoutUndefined({ status: told, costUsd }),
        reads: count.report(),
        readAt,
        ...attributesFor(question, deps),
      };
    };

    const reply = await runcomfy.cancel(requestId).catch((error: unknown) => error);
    const said = isCancelReply(reply) ? reply : undefined;
    const status = await statusAfter(said, requestId, count, startedAt + answerWithinMs);
    if (status === 'cancelled') return await answer('cancelled', status);
    if (status === 'in_progress' || status === 'finished' || status === 'failed')
      return await answer('not_cancellable', status);
    if (said?.outcome) return await answer(said.outcome, status);
    throw noOutcome(reply instanceof Error ? reply.message : 'RunComfy answered the cancel without an outcome');
  };

  /** An acknowledged cancel of work that still waits has not stopped it yet: only what comes of it tells. */
  async function statusAfter(
    said: CancelReply | undefined,
    requestId: string,
    count: AttemptCount,
    latestAt: number,
  ): Promise<RequestStatus | undefined> {
    let status = await statusNow(requestId, count);
    for (const pauseMs of said?.outcome === 'cancelled' ? secondLooksMs : []) {
      if (status !== 'in_queue' && status !== 'unrecognized') break;
      if (performance.now() + pauseMs + statusWithinMs > latestAt) break;
      await sleep(pauseMs);
      status = (await statusNow(requestId, count)) ?? status;
    }
    return status;
  }

  async function statusNow(requestId: string, count: AttemptCount): Promise<RequestStatus | undefined> {
    readPacer.skipTurn();
    count.add();
    const signal = AbortSignal.timeout(statusWithinMs);
    try {
      const { status, namesAnother } = await runcomfy.status(requestId, { signal });
      return namesAnother ? 'unrecognized' : status;
    } catch (error) {
      if (signal.aborted || isRunComfyError(error)) return undefined;
      throw error;
    }
  }
}

/** Older workers hand on no reads. */
function heartbeatOf(details: unknown): CancelHeartbeat {
  const { askedForMs, reads } = isJsonObject(details) ? details : {};
  const number = (value: unknown) => (typeof value === 'number' ? value : 0);
  return { askedForMs: number(askedForMs), reads: number(reads) };
}

interface CancelReply {
  outcome?: CancelAnswer['outcome'];
  status?: RequestStatus;
}

function isCancelReply(value: unknown): value is CancelReply {
  return !(value instanceof Error);
}
