/** Of a worker that knows nothing of a limit: so many orders a second, or twice what went well lately. */
const firstRate = 10;
const growthByUse = 2;

/** For so long it counts what went well. */
const recentMs = 10_000;

/** Above this rate no order waits for another. */
const freeRate = 2_000;

const defaultPauseMs = 1_000;
const longestPauseMs = 60_000;

/** What arrives in bunches must not break the limit: so much of what RunComfy took in its busiest second, or of what was just too much. */
const shareOfBusiest = 0.96;
const shareOfRefused = 0.97;

/** Where hardly an order went through since the last refusal, and where not one did. */
const hardlyAny = 2;
const shareWithHardlyAny = 0.7;
const shareWithNone = 0.5;

const slowestRate = 0.1;

/** A limit is tried again after a while: after so many times the pause that it costs, and twice that where it was the same. */
const pausesPerHold = 100;
const longestHoldMs = 600_000;
const growthAfterHold = 1.1;
const sameLimit = 0.8;

/** Who is turned away comes back a little before the turn that is likely his: Temporal's timers are late by up to a second. */
const earlyMs = 1_000;
/** So closely that somebody always waits. */
const gapsBetweenReturns = 0.9;
const soonestReturnMs = 1_000;
const longestAbsenceMs = 1_800_000;
const longestAbsenceWhileGrowingMs = 5_000;

/** A turn to POST, and what became of it. */
export interface SubmitTurn {
  noteAccepted: () => void;
  /** RunComfy asks to slow down: the account is meant, not one order. */
  noteRefused: (retryAfterMs?: number) => void;
}

/** Gives the paid POSTs of one worker their turns. */
export interface SubmitPacer {
  /** Waits for a turn; `inMs`: none comes within `withinMs`, ask again so many milliseconds later. */
  takeTurn: (wait: { withinMs: number; signal?: AbortSignal }) => Promise<SubmitTurn | { inMs: number }>;
  /** The worker shuts down: who waits is turned away. */
  stopAll: () => void;
}

interface Cap {
  rate: number;
  /** From then on the limit is tried again. */
  heldUntil: number;
  holdMs: number;
}

/**
 * Paces orders evenly at what RunComfy takes, which its refusals tell: without a limit nobody waits but in the first
 * seconds of a batch, under one each order costs hardly more than its one POST, and after a pause nobody comes back in a herd.
 */
export function createSubmitPacer(): SubmitPacer {
  /** Ends the waits. */
  const waits = new Set<() => void>();
  let isStopped = false;
  const recent = createRecent();
  let cap: Cap | undefined;
  let nextAt = 0;
  /** When the last of those who were turned away is to come back. */
  let returnAt = 0;
  let slowedAt = -Infinity;
  /** Orders that went through since the last refusal. */
  let successes = 0;
  let pauseMs = defaultPauseMs;
  /** Turns that were promised before a refusal are void. */
  let epoch = 0;

  const capAt = (now: number) =>
    cap === undefined ? Infinity : cap.rate * growthAfterHold ** (Math.max(0, now - cap.heldUntil) / 1_000);
  const rateAt = (now: number) => {
    const rate = Math.min(capAt(now), Math.max(firstRate, growthByUse * recent.busiestSecond(now)));
    return rate > freeRate ? Infinity : rate;
  };
  const turnAway = (now: number) => {
    const gapMs = (gapsBetweenReturns * 1_000) / rateAt(now);
    const isGrowing = cap === undefined || now > cap.heldUntil;
    const longestMs = Math.max(0, nextAt - now) + (isGrowing ? longestAbsenceWhileGrowingMs : longestAbsenceMs);
    returnAt = Math.max(Math.min(returnAt, now + longestMs), nextAt, now) + gapMs;
    const absenceMs = returnAt - now <= longestMs ? returnAt - now : longestMs * (1 - Math.random() / 4);
    return { inMs: Math.max(soonestReturnMs, absenceMs - earlyMs + (Math.random() - 0.5) * gapMs) };
  };
  const slowDown = (takenAt: number, retryAfterMs: number | undefined) => {
    const now = performance.now();
    // Refusals of orders that were sent before all began to wait say nothing new but how long to wait.
    if (takenAt >= slowedAt) {
      pauseMs = successes > 0 ? defaultPauseMs : Math.min(longestPauseMs, 2 * pauseMs);
      cap = lowered(now, retryAfterMs ?? pauseMs);
      slowedAt = now;
      successes = 0;
    }
    const until = now + (retryAfterMs ?? pauseMs);
    if (cap) cap.heldUntil = Math.max(cap.heldUntil, until + cap.holdMs);
    // Workers that are told the same time come back one by one, too.
    if (until > nextAt) nextAt = until + (Math.random() * 1_000) / rateAt(now);
    epoch += 1;
  };
  const lowered = (now: number, costMs: number): Cap => {
    const before = capAt(now);
    const refused = Math.min(before, rateAt(now));
    const busiest = recent.busiestSecond(now) || Infinity;
    const share = successes > hardlyAny ? shareOfRefused : successes > 0 ? shareWithHardlyAny : shareWithNone;
    const rate = Math.max(slowestRate, Math.min(refused * share, busiest * shareOfBusiest));
    const isSame = cap !== undefined && rate >= cap.rate * sameLimit;
    const holdMs = Math.max(pausesPerHold * Math.max(defaultPauseMs, costMs), isSame ? 2 * (cap?.holdMs ?? 0) : 0);
    return { rate, holdMs: Math.min(longestHoldMs, holdMs), heldUntil: now };
  };
  const turnAt = (takenAt: number): SubmitTurn => ({
    noteAccepted: () => {
      recent.add(takenAt);
      if (takenAt >= slowedAt) successes += 1;
    },
    noteRefused: (retryAfterMs) => {
      slowDown(takenAt, retryAfterMs);
    },
  });

  const pause = async (ms: number, signal?: AbortSignal) => {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        waits.delete(end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, Math.max(1, ms));
      waits.add(end);
      signal?.addEventListener('abort', end, { once: true });
    });
  };

  return {
    async takeTurn({ withinMs, signal }) {
      const latestAt = performance.now() + withinMs;
      const isEnded = () => isStopped || signal?.aborted === true;
      for (;;) {
        const now = performance.now();
        const at = Math.max(now, nextAt);
        if (isEnded() || at > latestAt) return turnAway(now);
        nextAt = at + 1_000 / rateAt(now);
        if (at === now) return turnAt(now);
        const promisedIn = epoch;
        await pause(at - now, signal);
        if (!isEnded() && promisedIn === epoch) return turnAt(performance.now());
      }
    },
    stopAll() {
      isStopped = true;
      for (const end of waits) end();
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
