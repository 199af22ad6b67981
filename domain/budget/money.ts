const microPerUsd = 1_000_000;

/** Far more than any wallet holds, and far below the largest safe integer. */
const maxMicro = 1e15;

/** Tolerance for floating-point noise: 0.29 USD are 290000 micro-dollars, not 290001. */
const noise = 1e-3;

/**
 * Converts to micro-dollars, at least 0, rounded up so that budgets and limits of batches never count less than the
 * cost.
 */
export function toMicro(usd: number): number {
  return Math.min(maxMicro, Math.max(0, Math.ceil(usd * microPerUsd - noise)));
}

/**
 * Converts to the nearest micro-dollar. For amounts that have at most 6 decimals anyway (in pipelines, estimates and
 * wallets), so that their sums are exact.
 */
export function toNearestMicro(usd: number): number {
  return Math.round(usd * microPerUsd);
}

/** USD with at most 6 decimals. */
export function toUsd(micro: number): number {
  return micro / microPerUsd;
}
