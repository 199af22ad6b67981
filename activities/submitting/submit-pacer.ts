import { createSubmitLimit } from './submit-limit.ts';

/**
 * Time by which an order that was turned away comes back before its likely turn, in milliseconds: Temporal's timers are
 * up to a second late.
 */
const earlyMs = 1_000;
/** Orders come back at this share of the gap between turns, so that one is always waiting. */
const gapsBetweenReturns = 0.9;
const soonestReturnMs = 1_000;
/**
 * Longest time after which an order comes back before any refusal, in milliseconds: until then the rate grows faster
 * than anyone can predict.
 */
const longestAbsenceWithoutLimitMs = 5_000;

/** A turn to POST, and what became of it. */
export interface SubmitTurn {
  noteAccepted: () => void;
  /** RunComfy asks to slow down; this applies to the account, not to one order. */
  noteRefused: (retryAfterMs?: number) => void;
}

/** Gives the paid POSTs of one worker their turns. */
export interface SubmitPacer {
  /** Waits for a turn. `inMs`: there is none within `withinMs`; ask again after that many milliseconds. */
  takeTurn: (wait: { withinMs: number; signal?: AbortSignal }) => Promise<SubmitTurn | { inMs: number }>;
  /** The worker shuts down: waiting orders are turned away. */
  stopAll: () => void;
}

/** The time source of a pacer. */
export interface PacerClock {
  /** Milliseconds; never set back. */
  now: () => number;
  /** Runs something later; returns a function that calls it off. */
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
 * Paces orders evenly at the rate that RunComfy takes, which its refusals reveal. Without a limit, orders wait only in
 * the first seconds of a batch; under a limit, an order costs little more than its one POST, and after a pause they do
 * not all come back at once.
 */
export function createSubmitPacer(clock: PacerClock = processClock): SubmitPacer {
  const limit = createSubmitLimit();
  /** Functions that end the waits. */
  const waits = new Set<() => void>();
  let isStopped = false;
  let takenAt = -Infinity;
  let nextAt = 0;
  let heldUntil = 0;
  /** Random, so that workers that are given the same time come back one by one. */
  let gapsAfterHold = 0;
  /** When the last of the orders that were turned away is to come back. */
  let returnAt = 0;
  /** Changes with each refusal, which voids the turns promised before it. */
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
