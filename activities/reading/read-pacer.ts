import TinyQueue from 'tinyqueue';

/** Fewer turns than the limit allows, by this share: what arrives in bunches, by 0.4 s in 10, must not break it either. */
const margin = 0.04;

/** A timer that fired late may be made up for by this much, which the margin covers for any second. */
const latenessMs = 20;

const defaultBanMs = 1_000;

/** A worker that starts, perhaps on thousands of overdue reads, begins with so many a second and doubles that each second. */
const firstRate = 50;
const growthAtStart = 2;

/** After a 429 half the rate is taken up again, and grows slowly. */
const shareAfterBan = 0.5;
const growthAfterBan = 1.1;

/** Above this rate no read waits for another. */
const freeRate = 2_000;

/** Who is turned away comes back in time for a turn, at the latest after this; sooner while the rate still grows. */
const longestAbsenceMs = 300_000;
const longestAbsenceWhileGrowingMs = 5_000;

/** Reads that wait for nobody put the others off by this much at most: what has gone out is not undone by waiting. */
const longestDebtMs = 1_000;

/** Refusals that come closer than this are of one burst. */
const burstMs = 3_000;

export interface ReadPacerOptions {
  /** Limit on the reads of this worker; unset: RunComfy's own. */
  readsPerSecond?: number;
  /** How many status reads may wait here for a turn; default 400. */
  maxWaiting?: number;
}

export interface ReadTurn {
  /** The work is known to be over: the read fetches its result. */
  isOver?: boolean;
  /** Milliseconds until the work is likely over, below 0 where it likely is: the sooner, the more a read may gain. */
  likelyEndInMs: number;
  /** Milliseconds: who has had no turn by then is turned away. */
  withinMs: number;
}

/** Gives the status and result reads of one worker their turns. */
export interface ReadPacer {
  /** Waits for a turn. 0: read now; else how many milliseconds later to ask again. */
  takeTurn: (turn: ReadTurn) => Promise<number>;
  /** Counts a read that waits for nobody, as the one beside a cancel. */
  skipTurn: () => void;
  /** After a 429 all reads wait, for as long as RunComfy asks, and go on more slowly: the account is meant, not one request. */
  slowDown: (retryAfterMs?: number) => void;
  /** The worker shuts down: who waits is turned away. */
  stopAll: () => void;
}

interface Waiting {
  isOver: boolean;
  /** On the process's own clock, which is never set back. */
  likelyEndAt: number;
  settle: (answer: number) => void;
  isSettled: boolean;
}

/**
 * Paces reads evenly, so that no second sees more than `readsPerSecond`. Where reads have to wait, those go first whose
 * work is likely over: nothing else gains anything by being read.
 */
export function createReadPacer({ readsPerSecond, maxWaiting = 400 }: ReadPacerOptions = {}): ReadPacer {
  const limit = (readsPerSecond ?? Infinity) * (1 - margin);
  const queue = new TinyQueue<Waiting>(
    [],
    (a, b) => Number(b.isOver) - Number(a.isOver) || a.likelyEndAt - b.likelyEndAt,
  );
  let waiting = 0;
  let pace = { rate: Math.min(limit, firstRate), growth: growthAtStart, since: performance.now() };
  let nextAt = 0;
  /** When the last of those who were turned away is to come back. */
  let returnAt = 0;
  let timer: NodeJS.Timeout | undefined;
  const recent = createRecentCount();
  let isStopped = false;
  let slowedAt = -Infinity;

  const rateAt = (now: number) => {
    const rate = pace.rate * pace.growth ** (Math.max(0, now - pace.since) / 1_000);
    return Math.min(limit, rate > freeRate ? Infinity : rate);
  };
  const spend = (now: number) => {
    nextAt = Math.max(nextAt, now - latenessMs) + 1_000 / rateAt(now);
    recent.add(now);
  };
  const turnAway = (now: number, isOver: boolean) => {
    // A result comes first anyway, as soon as there are turns at all.
    if (isOver) return Math.max(1_000, Math.min(longestAbsenceMs, nextAt - now));
    const gapMs = 1_000 / rateAt(now);
    const longestMs = rateAt(now) < limit ? Math.max(0, nextAt - now) + longestAbsenceWhileGrowingMs : longestAbsenceMs;
    returnAt = Math.max(Math.min(returnAt, now + longestMs), nextAt + waiting * gapMs, now) + gapMs;
    const absenceMs = returnAt - now;
    return absenceMs <= longestMs ? Math.max(1_000, absenceMs) : Math.max(1_000, longestMs * (1 - Math.random() / 4));
  };
  const serve = () => {
    timer = undefined;
    for (let now = performance.now(); nextAt <= now && queue.length > 0; now = performance.now()) {
      const next = queue.pop();
      if (next?.isSettled !== false) continue;
      spend(now);
      next.settle(0);
    }
    if (queue.length > 0) wake();
  };
  const wake = () => {
    timer ??= setTimeout(serve, Math.max(1, nextAt - performance.now()));
  };

  return {
    async takeTurn({ isOver = false, likelyEndInMs, withinMs }) {
      const now = performance.now();
      if (isStopped) return turnAway(now, isOver);
      if (waiting === 0 && nextAt <= now) {
        spend(now);
        return 0;
      }
      // Work that is known to be over is one short answer away from its end: it always finds room.
      if (!isOver && (waiting >= maxWaiting || nextAt > now + withinMs)) return turnAway(now, isOver);
      return await new Promise<number>((resolve) => {
        waiting += 1;
        const entry: Waiting = {
          isOver,
          likelyEndAt: now + likelyEndInMs,
          isSettled: false,
          settle(answer) {
            entry.isSettled = true;
            waiting -= 1;
            clearTimeout(patience);
            resolve(answer);
          },
        };
        const patience = setTimeout(
          () => {
            entry.settle(turnAway(performance.now(), isOver));
          },
          Math.max(1, withinMs),
        );
        queue.push(entry);
        wake();
      });
    },
    skipTurn() {
      const now = performance.now();
      const before = nextAt;
      spend(now);
      nextAt = Math.max(before, Math.min(nextAt, now + longestDebtMs));
    },
    slowDown(retryAfterMs = defaultBanMs) {
      const now = performance.now();
      const until = now + Math.max(defaultBanMs, retryAfterMs);
      nextAt = Math.max(nextAt, until);
      // Refusals of reads that were sent before all began to wait say nothing new: one stands for all.
      if (pace.since <= now && now - slowedAt > burstMs) {
        slowedAt = now;
        const rate = Math.max(1, Math.min(rateAt(now), recent.perSecond(now)) * shareAfterBan);
        pace = { rate: Math.min(limit, rate), growth: growthAfterBan, since: until };
      }
      if (timer) {
        clearTimeout(timer);
        timer = undefined;
        wake();
      }
    },
    stopAll() {
      isStopped = true;
      clearTimeout(timer);
      while (queue.length > 0) {
        const next = queue.pop();
        if (next?.isSettled === false) next.settle(turnAway(performance.now(), next.isOver));
      }
    },
  };
}

/** Counts the reads of this second and the one before. */
function createRecentCount() {
  let second = 0;
  let counts = [0, 0];
  const turnTo = (now: number) => {
    const current = Math.floor(now / 1_000);
    if (current !== second) counts = [0, current === second + 1 ? (counts[0] ?? 0) : 0];
    second = current;
  };
  return {
    add(now: number) {
      turnTo(now);
      counts[0] = (counts[0] ?? 0) + 1;
    },
    perSecond(now: number) {
      turnTo(now);
      return Math.max(...counts);
    },
  };
}
