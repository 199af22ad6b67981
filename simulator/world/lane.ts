import TinyQueue from 'tinyqueue';
import type { Job } from './job.ts';
import { createRankTree } from './rank-tree.ts';

/** The queued and running jobs of one token. There is no timer: the caller brings a lane up to date with `advance`. */
export interface Lane {
  /** Adds a job, either a new one or one that is restored midway. */
  add: (job: Job) => void;
  /** Brings every job to its state at `now`. */
  advance: (now: number) => void;
  /** Removes a job that is still queued. */
  remove: (job: Job) => void;
  /** Starts a queued job even if no slot is free. */
  forceStart: (job: Job, now: number) => void;
  /** Ends a running job now. */
  finish: (job: Job, now: number) => void;
  /** Lets a held job go on. */
  release: (job: Job, now: number) => void;
  /** Older jobs of this lane that are still queued. */
  countAhead: (job: Job) => number;
}

interface LaneRules {
  maxParallel: () => number;
  /** Whether a job that starts now runs until it is released. */
  holdsRun: (job: Job) => boolean;
  onStart: (job: Job, at: number) => void;
  onFinish: (job: Job, at: number) => void;
}

/** Every operation on a job costs logarithmic time, so that ten thousand jobs can wait at once. */
export function createLane(rules: LaneRules): Lane {
  const waiting = new TinyQueue<Job>([], byEligibility);
  const ready = new TinyQueue<Job>([], byEligibility);
  const running = new TinyQueue<Job>([], byEnd);
  const ranks = createRankTree();
  const rankOf = new Map<Job, number>();
  let runningCount = 0;

  function leaveQueue(job: Job): void {
    const rank = rankOf.get(job);
    if (rank === undefined) return;
    ranks.unmark(rank);
    rankOf.delete(job);
  }

  function start(job: Job, at: number): void {
    leaveQueue(job);
    job.state = 'in_progress';
    job.startedAt = at;
    if (rules.holdsRun(job)) job.held = 'run';
    if (job.drive === undefined) {
      runningCount += 1;
      if (job.held !== 'run') scheduleEnd(job, at);
    }
    rules.onStart(job, at);
  }

  function scheduleEnd(job: Job, from: number): void {
    job.endsAt = from + job.runMs;
    running.push(job);
  }

  function finish(job: Job, at: number): void {
    if (job.state !== 'in_progress') return;
    if (job.drive === undefined) runningCount -= 1;
    job.held = undefined;
    job.finishedAt = at;
    job.state = job.failure === undefined ? 'succeeded' : 'failed';
    rules.onFinish(job, at);
  }

  function fillSlots(at: number): void {
    while (runningCount < rules.maxParallel()) {
      const job = ready.pop();
      if (job === undefined) return;
      if (job.state === 'in_queue' && job.held === undefined) start(job, at);
    }
  }

  function advance(now: number): void {
    for (;;) {
      const next = waiting.peek();
      const ending = running.peek();
      const nextAt = next?.eligibleAt ?? Infinity;
      const endsAt = ending?.endsAt ?? Infinity;
      const at = Math.min(nextAt, endsAt);
      if (at > now) break;
      if (ending !== undefined && endsAt <= nextAt) {
        running.pop();
        finish(ending, endsAt);
      } else if (next !== undefined) {
        waiting.pop();
        if (next.state === 'in_queue' && next.held === undefined) ready.push(next);
      }
      fillSlots(at);
    }
    fillSlots(now);
  }

  return {
    add(job) {
      if (job.state === 'in_queue') {
        rankOf.set(job, ranks.append());
        if (job.drive === undefined && job.held === undefined) waiting.push(job);
      } else if (job.state === 'in_progress' && job.drive === undefined) {
        runningCount += 1;
        if (job.held === undefined) running.push(job);
      }
    },
    advance,
    remove: leaveQueue,
    forceStart(job, now) {
      if (job.state !== 'in_queue') return;
      if (job.held === 'queue') job.held = undefined;
      start(job, now);
    },
    finish(job, now) {
      finish(job, now);
      fillSlots(now);
    },
    release(job, now) {
      const stage = job.held;
      job.held = undefined;
      if (job.drive !== undefined) return;
      if (stage === 'queue') {
        job.eligibleAt = now + job.queueMs;
        waiting.push(job);
      } else if (stage === 'run') {
        scheduleEnd(job, now);
      }
    },
    countAhead(job) {
      const rank = rankOf.get(job);
      return rank === undefined ? 0 : ranks.countBelow(rank);
    },
  };
}

function byEligibility(a: Job, b: Job): number {
  return a.eligibleAt - b.eligibleAt || a.ordinal - b.ordinal;
}

function byEnd(a: Job, b: Job): number {
  return (a.endsAt ?? 0) - (b.endsAt ?? 0) || a.ordinal - b.ordinal;
}
