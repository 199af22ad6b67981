const microPerUsd = 1_000_000;

/** A sum far beyond any wallet, and far below what a number holds exactly. */
const maxMicro = 1e15;

/** Noise of floating point: 0.29 USD are 290000 micro-dollars, not 290001. */
const noise = 1e-3;

/** Micro-dollars, rounded up: no fraction of a cost is lost. */
export function toMicro(usd: number): number {
  return Math.min(maxMicro, Math.max(0, Math.ceil(usd * microPerUsd - noise)));
}

/** USD with at most 6 decimals. */
export function toUsd(micro: number): number {
  return micro / microPerUsd;
}
