import TinyQueue from 'tinyqueue';

/**
 * Share by which the pace stays below the limit, so that reads arriving in bunches (0.4 s in 10) do not exceed it
 * either.
 */
const margin = 0.04;

/** Longest delay of a late timer that is made up for, in milliseconds; the margin covers it for any second. */
const latenessMs = 20;

const defaultBanMs = 1_000;

/** Reads per second of a worker that starts, perhaps with thousands of overdue reads. */
const firstRate = 50;
/** Factor by which that rate grows each second. */
const growthAtStart = 2;

/** Share of the rate that reads resume at after a 429. */
const shareAfterBan = 0.5;
/** Factor by which the rate then grows each second. */
const growthAfterBan = 1.1;

/** Rate in reads per second above which no read waits for another. */
const freeRate = 2_000;

/** Longest time after which a read that was turned away asks again, in milliseconds. */
const longestAbsenceMs = 300_000;
/** The same while the rate still grows, counted from the next free turn. */
const longestAbsenceWhileGrowingMs = 5_000;

/**
 * Longest delay that reads made without a turn cause for the others, in milliseconds: a read that was sent is not
 * undone by waiting.
 */
const longestDebtMs = 1_000;

/** Refusals closer together than this, in milliseconds, belong to one burst. */
const burstMs = 3_000;

export interface ReadPacerOptions {
  /** Limit on the reads of this worker; if unset, only RunComfy's own limit applies. */
  readsPerSecond?: number;
  /** Number of status reads that may wait here for a turn; default 400. */
  maxWaiting?: number;
}

export interface ReadTurn {
  /** The work is known to be over: the read fetches its result. */
  isOver?: boolean;
  /** Milliseconds until the work is likely over, negative if it likely is by now. The smaller, the sooner its turn. */
  likelyEndInMs: number;
  /** Longest wait for a turn, in milliseconds; a read that has had none by then is turned away. */
  withinMs: number;
}

/** Gives the status and result reads of one worker their turns. */
export interface ReadPacer {
  /** Waits for a turn. Resolves with 0 (read now) or with the milliseconds after which to ask again. */
  takeTurn: (turn: ReadTurn) => Promise<number>;
  /** Counts a read that is made without a turn, such as one after a cancel. */
  skipTurn: () => void;
  /**
   * To be called on a 429: all reads wait as long as RunComfy asks and then go on more slowly, since the limit is the
   * account's.
   */
  slowDown: (retryAfterMs?: number) => void;
  /** The worker shuts down: waiting reads are turned away. */
  stopAll: () => void;
}

interface Waiting {
  isOver: boolean;
  /** By `performance.now()`, which is never set back. */
  likelyEndAt: number;
  settle: (answer: number) => void;
  isSettled: boolean;
}

/**
 * Paces reads evenly, so that no second sees more than `readsPerSecond`. If reads have to wait, those of work that is
 * or is likely over go first: other reads gain nothing by being earlier.
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
  /** When the last of the reads that were turned away is to ask again. */
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
    // A read of a result goes first anyway, as soon as there is any turn.
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
      // A read of a result always finds room: the work is over, and one short answer is all that is missing.
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
      // Refusals of reads that were sent before the pause began say nothing new, so each burst counts once.
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
