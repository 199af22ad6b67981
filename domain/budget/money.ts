const microPerUsd = 1_000_000;

/** A sum far beyond any wallet, and far below what a number holds exactly. */
const maxMicro = 1e15;

/** Noise of floating point: 0.29 USD are 290000 micro-dollars, not 290001. */
const noise = 1e-3;

/** Micro-dollars, rounded up, 0 at least: no fraction of a cost is lost to a budget, or to the limit of a batch. */
export function toMicro(usd: number): number {
  return Math.min(maxMicro, Math.max(0, Math.ceil(usd * microPerUsd - noise)));
}

/** The nearest micro-dollars, which add up exactly: for sums of what has 6 decimals anyway, in pipelines, estimates and wallets. */
export function toNearestMicro(usd: number): number {
  return Math.round(usd * microPerUsd);
}

/** USD with at most 6 decimals. */
export function toUsd(micro: number): number {
  return micro / microPerUsd;
}
