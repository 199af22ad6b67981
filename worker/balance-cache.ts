import type { BalanceReading } from '../domain/generation.ts';

const maxAgeMs = 60_000;

/** A balance at most 60 s old, read in the background, so that no submit ever waits for it. */
export function createBalanceCache(read: () => Promise<{ microdollars: number }>): () => BalanceReading | undefined {
  let latest: BalanceReading | undefined;
  let triedAt = 0;
  return () => {
    const now = Date.now();
    if (now - triedAt > maxAgeMs / 2) {
      triedAt = now;
      void read().then(
        ({ microdollars }) => {
          latest = { microdollars, readAt: new Date().toISOString() };
        },
        () => undefined,
      );
    }
    return latest && now - Date.parse(latest.readAt) <= maxAgeMs ? latest : undefined;
  };
}
