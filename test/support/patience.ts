/**
 * How long a test waits for what comes soon or, where something hangs, never. A bound on hanging, not a figure that is
 * measured: a machine that has much else to do must not reach it.
 */
export const hangMs = 120_000;

/** A test may fetch tools from the network first, and compile them. */
export const installHangMs = 900_000;

/** A test may wait for several such things, one after the other. */
export const testHangMs = 3 * hangMs;
