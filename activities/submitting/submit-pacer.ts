import { createSubmitLimit } from './submit-limit.ts';

/** Who is turned away comes back a little before the turn that is likely his: Temporal's timers are late by up to a second. */
const earlyMs = 1_000;
/** So closely that somebody always waits. */
const gapsBetweenReturns = 0.9;
const soonestReturnMs = 1_000;
/** Until a first refusal the rate grows faster than anyone can tell. */
const longestAbsenceWithoutLimitMs = 5_000;

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

/** Where a pacer has its time from. */
export interface PacerClock {
  /** Milliseconds; never set back. */
  now: () => number;
  /** Runs something later; returns what calls it off. */
  after: (ms: number, run: () => void) => () => void;
}

const processClock: PacerClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/**
 * Paces orders evenly at what RunComfy takes, which its refusals tell: without a limit nobody waits but in the first
 * seconds of a batch, under one each order costs hardly more than its one POST, and after a pause nobody comes back in a herd.
 */
export function createSubmitPacer(clock: PacerClock = processClock): SubmitPacer {
  const limit = createSubmitLimit();
  /** Ends the waits. */
  const waits = new Set<() => void>();
  let isStopped = false;
  let takenAt = -Infinity;
  let nextAt = 0;
  let heldUntil = 0;
  /** Workers that are told the same time come back one by one, too. */
  let gapsAfterHold = 0;
  /** When the last of those who were turned away is to come back. */
  let returnAt = 0;
  /** Turns that were promised before a refusal are void. */
  let epoch = 0;

  const gapMsAt = (now: number) => 1_000 / limit.rateAt(now);
  const turnAway = (now: number) => {
    const from = Math.max(returnAt, nextAt, now);
    const expectedRate = limit.expectedRateAt(from);
    const gapMs = gapsBetweenReturns * (expectedRate === undefined ? gapMsAt(now) : 1_000 / expectedRate);
    const latestAt = expectedRate === undefined ? now + longestAbsenceWithoutLimitMs : Infinity;
    returnAt = from + gapMs;
    if (returnAt > latestAt) returnAt = latestAt - (Math.random() / 4) * longestAbsenceWithoutLimitMs;
    return { inMs: Math.max(soonestReturnMs, returnAt - now - earlyMs + (Math.random() - 0.5) * gapMs) };
  };
  const slowDown = (refusedTurnAt: number, retryAfterMs: number | undefined) => {
    const now = clock.now();
    const until = now + limit.noteRefused(refusedTurnAt, now, retryAfterMs);
    if (until > Math.max(heldUntil, now)) {
      heldUntil = until;
      gapsAfterHold = Math.random();
    }
    nextAt = Math.max(takenAt + gapMsAt(now), heldUntil + gapsAfterHold * gapMsAt(now));
    epoch += 1;
    for (const end of waits) end();
  };
  const take = (now: number): SubmitTurn => {
    takenAt = now;
    return {
      noteAccepted: () => {
        limit.noteAccepted(now);
      },
      noteRefused: (retryAfterMs) => {
        slowDown(now, retryAfterMs);
      },
    };
  };

  const pause = async (ms: number, signal?: AbortSignal) => {
    await new Promise<void>((resolve) => {
      const end = () => {
        callOff();
        waits.delete(end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const callOff = clock.after(Math.max(1, ms), end);
      waits.add(end);
      signal?.addEventListener('abort', end, { once: true });
    });
  };

  return {
    async takeTurn({ withinMs, signal }) {
      const latestAt = clock.now() + withinMs;
      const isEnded = () => isStopped || signal?.aborted === true;
      for (;;) {
        const now = clock.now();
        const at = Math.max(now, nextAt);
        if (isEnded() || at > latestAt) return turnAway(now);
        nextAt = at + gapMsAt(now);
        if (at === now) return take(now);
        const promisedIn = epoch;
        await pause(at - now, signal);
        if (!isEnded() && promisedIn === epoch) return take(clock.now());
      }
    },
    stopAll() {
      isStopped = true;
      for (const end of waits) end();
    },
  };
}
