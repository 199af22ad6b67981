import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, heartbeat } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import type { Activities, CancelAnswer, RequestStatus } from '../domain/activities.ts';
import { isJsonObject, withoutUndefined } from '../domain/json.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';
import { attributesFor } from './known-attributes.ts';
import { readEnd, type ReadingDeps } from './reading/late-cost.ts';
import { readKey } from './reading/read-attempt.ts';
import type { AttemptCount } from './reading/read-counter.ts';
import { failure } from './to-application-failure.ts';

/** Timeout of one status read, in milliseconds: with the cancel itself, less than an attempt's 15 s. */
const statusWithinMs = 4_000;

/** Time limit of the answer, in milliseconds from the start of the attempt, which has 15 s. */
const answerWithinMs = 14_000;

/**
 * Time that all attempts together give RunComfy for an outcome, in milliseconds. Time in which no worker asks is not
 * counted.
 */
const askForMs = 30_000;

const longestBackoffMs = 5_000;

/** Heartbeat details, which Temporal keeps between the attempts of one cancel. */
interface CancelHeartbeat {
  /** Includes the pause that follows. */
  askedForMs: number;
  reads: number;
  /** The status said that the work was stopped, and its result that it is under way. */
  isUnderWay?: boolean;
}

/**
 * Pauses before further status reads, in milliseconds: a cancel that was only acknowledged takes effect within them, or
 * not at all.
 */
const secondLooksMs = [1_000, 3_000];

/**
 * `POST /requests/{id}/cancel`, checked by status reads: a lost reply may have stopped the work all the same, and an
 * acknowledged cancel may have come too late.
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
    let isUnderWay = before.isUnderWay === true;
    const noOutcome = (message: string): ApplicationFailure => {
      const backoffMs = Math.min(longestBackoffMs, 1_000 * 2 ** (activityInfo().attempt - 1));
      const askedForMs = before.askedForMs + performance.now() - startedAt + backoffMs;
      const reads = count.unreported();
      heartbeat({ askedForMs, reads, ...(isUnderWay && { isUnderWay }) } satisfies CancelHeartbeat);
      // Only an outcome ends the attempts earlier.
      const isLast = askedForMs >= askForMs;
      return failure('ServiceUnavailable', 'cancel', message, { reads }, backoffMs, isLast);
    };
    const reply = await runcomfy.cancel(requestId).catch((error: unknown) => error);
    const said = isCancelReply(reply) ? reply : undefined;
    const lookUntil = () => Math.min(performance.now() + statusWithinMs, startedAt + answerWithinMs);
    const look = () => readEnd({ runcomfy }, { model, requestId }, count, lookUntil() - performance.now());
    const endOfStopped = async () => {
      // A result that is away now does not take back that the work was under way.
      const isDoubted = () => (end ? end.notStopped === 'in_progress' : isUnderWay);
      let end = await look();
      // Where the cancel agrees with the status, a few seconds suffice; otherwise further attempts ask again.
      const isAgreed = said?.outcome === 'cancelled';
      for (const pauseMs of isAgreed ? secondLooksMs : []) {
        if (!isDoubted() || performance.now() + pauseMs >= startedAt + answerWithinMs) break;
        await sleep(pauseMs);
        end = (await look()) ?? end;
      }
      if (!isDoubted() || isAgreed) return end;
      isUnderWay = true;
      const doubt = noOutcome(
        `RunComfy says that request ${requestId} was cancelled, and by its result that it is under way`,
      );
      if (!doubt.nonRetryable) throw doubt;
      return end;
    };
    const answer = async (outcome: CancelAnswer['outcome'], status?: RequestStatus): Promise<CancelAnswer> => {
      const readAt = new Date().toISOString();
      const isOver = status === 'cancelled' || status === 'finished' || status === 'failed';
      const latestAt = lookUntil();
      const end = status === 'cancelled' ? await endOfStopped() : isOver ? await look() : undefined;
      // The status alone is no proof: it may call stopped work finished, and other work stopped. The result tells.
      const isStopped = end?.status === 'cancelled' || (status === 'cancelled' && end?.notStopped !== 'finished');
      const told: RequestStatus | undefined = isStopped ? 'cancelled' : status === 'cancelled' ? 'finished' : status;
      // Reading the cost delays the answer no longer than one slow read would.
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

    const status = await statusAfter(said, requestId, count, startedAt + answerWithinMs);
    if (status === 'cancelled') return await answer('cancelled', status);
    if (status === 'in_progress' || status === 'finished' || status === 'failed')
      return await answer('not_cancellable', status);
    if (said?.outcome) return await answer(said.outcome, status);
    throw noOutcome(reply instanceof Error ? reply.message : 'RunComfy answered the cancel without an outcome');
  };

  /**
   * Reads the status after a cancel. Work that is still queued after an acknowledged cancel has not been stopped yet,
   * so its status is read again after a pause.
   */
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

/** Older workers leave out `reads` and `isUnderWay`. */
function heartbeatOf(details: unknown): CancelHeartbeat {
  const { askedForMs, reads, isUnderWay } = isJsonObject(details) ? details : {};
  const number = (value: unknown) => (typeof value === 'number' ? value : 0);
  return { askedForMs: number(askedForMs), reads: number(reads), isUnderWay: isUnderWay === true };
}

interface CancelReply {
  outcome?: CancelAnswer['outcome'];
  status?: RequestStatus;
}

function isCancelReply(value: unknown): value is CancelReply {
  return !(value instanceof Error);
}
