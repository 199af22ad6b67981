const firstReadAfterMs = 1_000;
const minGapMs = 1_000;
const maxGapMs = 15_000;
const shareOfWait = 0.13;

/** Milliseconds until the next read of a result that lags `waitedMs` behind its status: 13 % of that, 1 s to 15 s. */
export function nextResultInMs(waitedMs: number): number {
  if (waitedMs <= 0) return firstReadAfterMs;
  return Math.round(Math.min(maxGapMs, Math.max(minGapMs, waitedMs * shareOfWait)));
}
