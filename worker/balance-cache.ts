import type { BalanceReading } from '../domain/generation.ts';

const maxAgeMs = 60_000;

/** Keeps a balance that is at most 60 s old. It is read in the background, so that no submit waits for it. */
export function createBalanceCache(read: () => Promise<{ microdollars: number }>): () => BalanceReading | undefined {
  let latest: BalanceReading | undefined;
  // A monotonic clock: setting the system time must not change an age.
  let triedAt = -Infinity;
  let answeredAt = -Infinity;
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
