/**
 * How long a test waits for what comes soon or, where something hangs, never. A bound on hanging, not a figure that is
 * measured: a machine that has much else to do must not reach it.
 */
export const hangMs = 120_000;

/** A test may fetch tools from the network first, and compile them. */
export const installHangMs = 900_000;

/** A test may wait for several such things, one after the other. */
export const testHangMs = 3 * hangMs;

/** Also where a test sets the clock. */
const now = performance.now.bind(performance);

/** Most that one look takes of a patience: what it takes beyond, the machine stood still. */
const longestLookMs = 5_000;

/** Tells, asked after each look, whether one waits in vain. Machines stand still for minutes: that time is not counted. */
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
