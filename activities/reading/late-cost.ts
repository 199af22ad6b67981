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

/** RunComfy may state a cost a read or a moment later than the end. */
const pausesMs = [500, 1_000, 2_000];

/** So often in a row in vain, and few ends are held up any more, for the first pause alone. */
const vainTries = 3;
const endsPerTry = 20;

const maxKinds = 3_000;

/** Less than what an attempt has left. */
const costWithinMs = 4_000;

/** Of the total time that an activity may take. */
const reportWithinMs = 2_000;

/** Failures of a read that tell nothing of the request. */
const unanswered: readonly FailureType[] = ['ServiceUnavailable', 'RateLimited', 'Unauthenticated'];

interface Asked {
  model: string;
  requestId: string;
}

/** What a result says of how the work ended. */
interface End {
  status: ResultReply['status'];
  /** US dollars. */
  costUsd?: number | undefined;
  /** It names the request, and says so of work that a status may call stopped. */
  notStopped?: 'finished' | 'in_progress';
}

/** What one read of a result came to. */
interface Look {
  /** RunComfy said something of the request, be it an error. */
  isAnswered: boolean;
  /** Undefined where the answer is none of an end, or may be that of another request. */
  end?: End;
}

type Parts = Pick<ActivityDeps, 'runcomfy' | 'readPacer'>;

/** What work cost in US dollars that ended so, read until `latestAt` (by the process's own clock, in ms) at most. */
export type LateCost = (asked: Asked, first: End, count: AttemptCount, latestAt: number) => Promise<number | undefined>;

/** What reads share that may tell of an end. */
export type ReadingDeps = ActivityDeps & { lateCost: LateCost };

/**
 * Reads a result that states no cost a few times more: what was billed is part of the end. What is read in vain for one
 * end, so that others are not held up, is known to all that share it.
 */
export function createLateCost({ runcomfy, readPacer }: Parts): LateCost {
  const vain = new LRUCache<string, { ends: number }>({ max: maxKinds });
  return async ({ model, requestId }, first, count, latestAt) => {
    const isOver = first.status === 'succeeded' || first.status === 'failed' || first.status === 'cancelled';
    if (!isOver) return first.costUsd;
    // What failures or stopped work never state tells nothing of successes.
    const kind = `${model} ${first.status}`;
    if (first.costUsd !== undefined) {
      vain.delete(kind);
      return first.costUsd;
    }
    // A cost that is found drops the entry: who still looks then counts in the dropped one, which tells nobody.
    const inVain = vain.get(kind) ?? { ends: 0 };
    vain.set(kind, inVain);
    const isOftenInVain = inVain.ends >= vainTries;
    if (isOftenInVain) {
      // Counted before anything is awaited: ends come many at a time.
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
    // An outage, or no time, tells nothing of whether the cost comes.
    if (isAnswered && !isOftenInVain) inVain.ends += 1;
    return undefined;
  };
}

/**
 * Until when the current attempt, which has just begun, may look for a cost (by the process's own clock, in ms), so that the
 * end is told before the activity's schedule-to-close timeout; Infinity without one.
 */
export function latestLookAt(): number {
  const { scheduledTimestampMs, currentAttemptScheduledTimestampMs, scheduleToCloseTimeoutMs } = activityInfo();
  // Temporal says 0 where there is none.
  if (scheduleToCloseTimeoutMs <= 0) return Infinity;
  // The attempt may have waited for a worker; a clock that is behind the server's must not hide that it is a late one.
  const now = Math.max(Date.now(), currentAttemptScheduledTimestampMs);
  return performance.now() + scheduledTimestampMs + scheduleToCloseTimeoutMs - reportWithinMs - now;
}

/** What a result says of how the work ended, by one read that holds up nobody for long; undefined where there is none, or it may be that of another. */
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

/** A `completed` without an output says of stopped work, too, that it is over. */
function notStoppedBy(reply: ResultReply): End['notStopped'] {
  if (reply.status === 'not_ready') return 'in_progress';
  const mayHaveOutput = reply.status === 'succeeded' || reply.status === 'unrecognized';
  return mayHaveOutput && !isEmptyOutput(reply.output) ? 'finished' : undefined;
}
