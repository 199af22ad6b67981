/** Orders per second of a worker that knows of no limit, at first. */
const firstRate = 10;
/** Such a worker may send this many times what went well lately. */
const growthByUse = 2;
/** How long accepted orders count as recent, in milliseconds. */
const recentMs = 10_000;

/** Rate in orders per second above which no order waits for another. */
const freeRate = 2_000;
const slowestRate = 0.1;

/** The rate to return to, as a share of the refused one: a bit less, so that bunched orders stay within the limit. */
const shareOfRefused = 0.975;
/** Share by which the rate is at first lower than that. */
const decrease = 0.03;
/** The rate is back after this many times the cost of the refusal, and then grows ever faster. */
const costsUntilBack = 40;
const leastBackMs = 10_000;
const longestBackMs = 3_600_000;
/** Growth beyond that rate: by this share in as long again, by eight times this share in twice as long. */
const growth = 0.1;

/** Pause after the first refusal, in milliseconds: more was sent than RunComfy takes, and that second has to pass. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** A refusal: the rate to return to, and the way back to it. */
interface Refusal {
  rate: number;
  /** Share by which the rate is lower at first. */
  decrease: number;
  since: number;
  backMs: number;
}

/** How fast RunComfy takes orders, judging by its answers. Times are in ms of a clock that is never set back. */
export interface SubmitLimit {
  /** Orders per second. */
  rateAt: (now: number) => number;
  /** The rate at a later time if nothing is refused until then; undefined if nothing ever was. */
  expectedRateAt: (later: number) => number | undefined;
  /** `takenAt`: when the order had its turn. */
  noteAccepted: (takenAt: number) => void;
  /** Lowers the rate. Returns for how many milliseconds nothing should be sent. */
  noteRefused: (takenAt: number, now: number, retryAfterMs?: number) => number;
}

/**
 * Finds the rate from refusals, as TCP finds its window (CUBIC, RFC 9438): a little lower after a refusal, soon almost
 * back, long close to what was refused, then beyond. A refusal that was no sign of a limit is outgrown within a minute.
 */
export function createSubmitLimit(): SubmitLimit {
  const recent = createRecent();
  let last: Refusal | undefined;
  let slowedAt = -Infinity;
  /** Orders accepted since the last refusal. */
  let successes = 0;
  /** Refusals in a row without an accepted order in between. */
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
    // If nothing goes through, the refusals are not due to a limit.
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
      // Refusals of orders sent before the slowdown say nothing new except how long to wait.
      let pauseMs = retryAfterMs ?? (last ? 0 : firstPauseMs);
      if (takenAt >= slowedAt) last = lowered(now, retryAfterMs);
      if (!last) return pauseMs;
      if (misses > 0) pauseMs = Math.max(pauseMs, Math.min(longestPauseMs, (1_000 / last.rate) * 2 ** misses));
      last.since = Math.max(last.since, now + pauseMs);
      return pauseMs;
    },
  };
}

/** Send times of the orders that RunComfy accepted lately. */
function createRecent() {
  const times: number[] = [];
  return {
    add(time: number) {
      const after = times.findLastIndex((other) => other <= time);
      times.splice(after + 1, 0, time);
      if (times.length > freeRate) times.shift();
    },
    /** Number of orders sent in the busiest second. */
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
