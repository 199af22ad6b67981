import type { BalanceReading } from '../domain/generation.ts';

const maxAgeMs = 60_000;

/** A balance at most 60 s old, read in the background, so that no submit ever waits for it. */
export function createBalanceCache(read: () => Promise<{ microdollars: number }>): () => BalanceReading | undefined {
  let latest: BalanceReading | undefined;
  // Ages are told by a clock that is never set back.
  let [triedAt, answeredAt] = [-Infinity, -Infinity];
  return () => {
    const now = performance.now();
    if (now - triedAt > maxAgeMs / 2) {
      triedAt = now;
      void read().then(
        ({ microdollars }) => {
          answeredAt = performance.now();
          latest = { microdollars, readAt: new Date().toISOString() };
        },
        () => undefined,
      );
    }
    return now - answeredAt <= maxAgeMs ? latest : undefined;
  };
}
