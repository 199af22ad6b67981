import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo } from '@temporalio/activity';
import { LRUCache } from 'lru-cache';
import type { FailureType } from '../../domain/failure-type.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { isRunComfyError } from '../../runcomfy/errors.ts';
import { isEmptyOutput } from '../../runcomfy/schemas/output.ts';
import type { ResultReply } from '../../runcomfy/schemas/result-reply.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import type { AttemptCount } from './read-counter.ts';

/** Pauses before further reads, in milliseconds: RunComfy may state the cost shortly after the end. */
const pausesMs = [500, 1_000, 2_000];

/** After this many ends in a row without a cost, most ends of that kind are no longer held up. */
const vainTries = 3;
/** One in this many of those ends still looks for a cost, after the first pause only. */
const endsPerTry = 20;

const maxKinds = 3_000;

/** Timeout of one read, in milliseconds; shorter than what is left of an attempt. */
const costWithinMs = 4_000;

/** Part of the activity's schedule-to-close timeout that is kept for the report, in milliseconds. */
const reportWithinMs = 2_000;

/** Failures of a read that say nothing about the request. */
const unanswered: readonly FailureType[] = ['ServiceUnavailable', 'RateLimited', 'Unauthenticated'];

interface Asked {
  model: string;
  requestId: string;
}

/** What a result says about how the work ended. */
interface End {
  status: ResultReply['status'];
  /** US dollars. */
  costUsd?: number | undefined;
  /** Set if the result names the request and shows that the work was not stopped, whatever a status says. */
  notStopped?: 'finished' | 'in_progress';
}

/** The outcome of one read of a result. */
interface Look {
  /** RunComfy said something about the request, even if it is an error. */
  isAnswered: boolean;
  /** Undefined if the answer is an error or may belong to another request. */
  end?: End;
}

type Parts = Pick<ActivityDeps, 'runcomfy' | 'readPacer'>;

/**
 * Finds the cost, in US dollars, of work that ended as `first` says. Reads until `latestAt` at the latest
 * (`performance.now()`, in ms).
 */
export type LateCost = (asked: Asked, first: End, count: AttemptCount, latestAt: number) => Promise<number | undefined>;

/** What the activities share that may see a request end. */
export type ReadingDeps = ActivityDeps & { lateCost: LateCost };

/**
 * Creates a `LateCost`: reads a result without a cost a few more times, since what was billed is part of the end.
 * Remembers for which kinds of ends this was in vain, so that others are not held up; all activities share one
 * instance.
 */
export function createLateCost({ runcomfy, readPacer }: Parts): LateCost {
  const vain = new LRUCache<string, { ends: number }>({ max: maxKinds });
  return async ({ model, requestId }, first, count, latestAt) => {
    const isOver = first.status === 'succeeded' || first.status === 'failed' || first.status === 'cancelled';
    if (!isOver) return first.costUsd;
    // Per status: that failed or cancelled work never states a cost says nothing about successes.
    const kind = `${model} ${first.status}`;
    if (first.costUsd !== undefined) {
      vain.delete(kind);
      return first.costUsd;
    }
    // A cost that is found drops the entry. Looks still in flight then count in the dropped entry, without effect.
    const inVain = vain.get(kind) ?? { ends: 0 };
    vain.set(kind, inVain);
    const isOftenInVain = inVain.ends >= vainTries;
    if (isOftenInVain) {
      // Counted before the first await: many ends come at a time.
      inVain.ends += 1;
      if ((inVain.ends - vainTries) % endsPerTry !== 0) return undefined;
    }
    let isAnswered = false;
    for (const pauseMs of isOftenInVain ? pausesMs.slice(0, 1) : pausesMs) {
      if (performance.now() + 2 * pauseMs > latestAt) break;
      await sleep(pauseMs);
      if ((await readPacer.takeTurn({ isOver: true, likelyEndInMs: 0, withinMs: pauseMs })) > 0) break;
      const leftMs = Math.min(costWithinMs, latestAt - performance.now());
      const look = await lookAtEnd({ runcomfy }, { model, requestId }, count, leftMs);
      isAnswered ||= look.isAnswered;
      if (look.end?.costUsd === undefined) continue;
      vain.delete(kind);
      return look.end.costUsd;
    }
    // An outage or a lack of time does not show whether the cost comes.
    if (isAnswered && !isOftenInVain) inVain.ends += 1;
    return undefined;
  };
}

/**
 * Latest time at which the current attempt, which has just begun, may look for a cost (`performance.now()`, in ms), so
 * that the end is reported before the activity's schedule-to-close timeout; Infinity without one.
 */
export function latestLookAt(): number {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
  // Temporal reports 0 if there is none.
  if (scheduleToCloseTimeoutMs <= 0) return Infinity;
  // `Date.now()` includes a wait for a worker; the server's time matters if this clock is behind the server's.
  const now = Math.max(Date.now(), currentAttemptScheduledTimestampMs);
  return performance.now() + scheduledTimestampMs + scheduleToCloseTimeoutMs - reportWithinMs - now;
}

/**
 * Reads once what a result says about how the work ended; undefined if there is no result within `withinMs`, or it may
 * belong to another request.
 */
export async function readEnd(
  deps: Pick<ActivityDeps, 'runcomfy'>,
  asked: Asked,
  count: AttemptCount,
  withinMs: number,
): Promise<End | undefined> {
  return (await lookAtEnd(deps, asked, count, withinMs)).end;
}

async function lookAtEnd(
  { runcomfy }: Pick<ActivityDeps, 'runcomfy'>,
  { model, requestId }: Asked,
  count: AttemptCount,
  withinMs: number,
): Promise<Look> {
  if (withinMs <= 0) return { isAnswered: false };
  count.add();
  const signal = AbortSignal.timeout(Math.ceil(withinMs));
  try {
    const reply = await runcomfy.result(requestId, { model, signal });
    return reply.namesAnother ? { isAnswered: true } : { isAnswered: true, end: endOf(reply) };
  } catch (error) {
    if (signal.aborted) return { isAnswered: false };
    if (isRunComfyError(error)) return { isAnswered: !unanswered.includes(error.type) };
    throw error;
  }
}

function endOf(reply: ResultReply): End {
  const { status, costUsd } = reply;
  return withoutUndefined({ status, costUsd, notStopped: reply.isNamed ? notStoppedBy(reply) : undefined });
}

/** Without an output, `completed` proves nothing: RunComfy says it of stopped work, too. */
function notStoppedBy(reply: ResultReply): End['notStopped'] {
  if (reply.status === 'not_ready') return 'in_progress';
  const mayHaveOutput = reply.status === 'succeeded' || reply.status === 'unrecognized';
  return mayHaveOutput && !isEmptyOutput(reply.output) ? 'finished' : undefined;
}
