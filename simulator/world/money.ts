const microPerUsd = 1_000_000;

/** Micro-dollars, rounded to a whole number: sums of them are exact. */
export function toMicrodollars(usd: number): number {
  return Math.round(usd * microPerUsd);
}

export function toUsd(microdollars: number): number {
  return microdollars / microPerUsd;
}
