/** Of a worker that knows nothing of a limit: so many orders a second, or twice what went well lately. */
const firstRate = 10;
const growthByUse = 2;
/** For so long it counts what went well. */
const recentMs = 10_000;

/** Above this rate no order waits for another. */
const freeRate = 2_000;
const slowestRate = 0.1;

/** What arrives in bunches must not break the limit: the rate to come back to is a little below the refused one, */
const shareOfRefused = 0.975;
/** and at first lower than that by this share. */
const decrease = 0.03;
/** It is back after so many times what the refusal cost, and grows ever faster from then on: */
const costsUntilBack = 40;
const leastBackMs = 10_000;
const longestBackMs = 3_600_000;
/** by this share in as long again, by eight times that in twice as long. */
const growth = 0.1;

/** What went out before the first refusal was more than RunComfy takes: its second has to pass. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** The rate that RunComfy refused, and the way back to it. */
interface Refusal {
  rate: number;
  /** By how much the rate is lower at first. */
  decrease: number;
  since: number;
  backMs: number;
}

/** How fast RunComfy takes orders, as far as its answers tell; times in ms of one clock that is never set back. */
export interface SubmitLimit {
  /** Orders a second. */
  rateAt: (now: number) => number;
  /** The same at a moment to come, if nothing is refused until then; undefined where nothing ever was. */
  expectedRateAt: (later: number) => number | undefined;
  /** `takenAt`: when the order had its turn. */
  noteAccepted: (takenAt: number) => void;
  /** Lowers the rate; returns for how many ms nothing should be sent. */
  noteRefused: (takenAt: number, now: number, retryAfterMs?: number) => number;
}

/**
 * Finds the rate by what is refused, as TCP finds its window (CUBIC, RFC 9438): a little lower after a refusal, soon almost
 * back, long close to what was refused, then beyond. A refusal that told of no limit is outgrown within a minute.
 */
export function createSubmitLimit(): SubmitLimit {
  const recent = createRecent();
  let last: Refusal | undefined;
  let slowedAt = -Infinity;
  /** Orders that went through since the last refusal. */
  let successes = 0;
  /** Refusals in a row without one. */
  let misses = 0;

  const grownAt = (at: number) => {
    if (!last) return Infinity;
    const backs = Math.max(0, at - last.since) / last.backMs - 1;
    return Math.max(slowestRate, last.rate * (1 + (backs < 0 ? last.decrease : growth) * backs ** 3));
  };
  const rateAt = (now: number) => {
    const rate = Math.min(grownAt(now), Math.max(firstRate, growthByUse * recent.busiestSecond(now)));
    return rate > freeRate ? Infinity : rate;
  };
  const lowered = (now: number, retryAfterMs: number | undefined): Refusal => {
    misses = successes > 0 ? 0 : misses + 1;
    const refused = Math.min(rateAt(now), recent.busiestSecond(now) || Infinity);
    // Where nothing goes through it is no limit that refuses.
    const rate = last && misses > 0 ? last.rate : refused * shareOfRefused;
    const costMs = retryAfterMs ?? 1_000 / rate;
    slowedAt = now;
    successes = 0;
    return {
      rate,
      decrease: Math.max(decrease, 1 - 0.5 ** misses),
      since: now,
      backMs: Math.min(longestBackMs, Math.max(leastBackMs, costsUntilBack * costMs)),
    };
  };

  return {
    rateAt,
    expectedRateAt: (later) => (last ? grownAt(later) : undefined),
    noteAccepted(takenAt) {
      recent.add(takenAt);
      if (takenAt >= slowedAt) successes += 1;
    },
    noteRefused(takenAt, now, retryAfterMs) {
      // Refusals of orders that were sent before all slowed down say nothing new but how long to wait.
      let pauseMs = retryAfterMs ?? (last ? 0 : firstPauseMs);
      if (takenAt >= slowedAt) last = lowered(now, retryAfterMs);
      if (!last) return pauseMs;
      if (misses > 0) pauseMs = Math.max(pauseMs, Math.min(longestPauseMs, (1_000 / last.rate) * 2 ** misses));
      last.since = Math.max(last.since, now + pauseMs);
      return pauseMs;
    },
  };
}

/** When the orders went out that RunComfy took lately. */
function createRecent() {
  const times: number[] = [];
  return {
    add(time: number) {
      const after = times.findLastIndex((other) => other <= time);
      times.splice(after + 1, 0, time);
      if (times.length > freeRate) times.shift();
    },
    /** How many went out in the busiest second. */
    busiestSecond(now: number) {
      while (times[0] !== undefined && times[0] < now - recentMs) times.shift();
      let first = 0;
      let most = 0;
      for (const [last, time] of times.entries()) {
        while ((times[first] ?? time) <= time - 1_000) first += 1;
        most = Math.max(most, last - first + 1);
      }
      return most;
    },
  };
}
