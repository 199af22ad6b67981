/**
 * How long a test waits for something that comes soon or, if something hangs, never. It only bounds hanging and
 * measures nothing, so even a very busy machine must not reach it.
 */
export const hangMs = 120_000;

/** Timeout of tests that may first download and compile tools. */
export const installHangMs = 900_000;

/** Timeout of a test, which may wait for several things one after the other. */
export const testHangMs = 3 * hangMs;

/** Bound early, so that it still works while a test mocks the clock. */
const now = performance.now.bind(performance);

/** The most time that a single check uses up; anything beyond it means that the machine stalled. */
const longestLookMs = 5_000;

/** Tells after each check whether to give up waiting. Machines may stall for minutes; that time does not count. */
export function createPatience(ms = hangMs): { isOver: () => boolean } {
  let leftMs = ms;
  let lookedAt = now();
  return {
    isOver: () => {
      leftMs -= Math.min(now() - lookedAt, longestLookMs);
      lookedAt = now();
      return leftMs <= 0;
    },
  };
}
