const firstReadAfterMs = 1_000;
const minGapMs = 1_000;
const maxGapMs = 15_000;
const shareOfWait = 0.13;

/** Milliseconds until the next status read, after `waitedMs` since the submit: 13 % of it, from 1 s to 15 s. */
export function nextReadInMs(waitedMs: number): number {
  if (waitedMs <= 0) return firstReadAfterMs;
  return Math.round(Math.min(maxGapMs, Math.max(minGapMs, waitedMs * shareOfWait)));
}
