import type { GenerationTimings } from './generation.ts';

/** What the reads have seen of a generation; times are ISO 8601. */
export interface Observation {
  submittedAt?: string;
  /** Last read that did not see the work running yet. */
  lastQueuedAt?: string;
  /** First read that saw the work running. */
  startedAt?: string;
  /** Last read that saw the work unfinished. */
  lastUnfinishedAt?: string;
  /** First read that saw the end. */
  noticedAt: string;
  /** RunComfy's own times. */
  createdAt?: string;
  finishedAt?: string;
}

const maxBracketShare = 0.1;

/** How long a generation took, by what was observed. A stage is only given where the reads bracket it within 10 %. */
export function timingsOf(seen: Observation): GenerationTimings {
  const submitted = timeOf(seen.submittedAt) ?? timeOf(seen.createdAt);
  const started = timeOf(seen.startedAt);
  const noticed = Date.parse(seen.noticedAt);
  const finished = timeOf(seen.finishedAt);
  const created = timeOf(seen.createdAt);
  const end = finished ?? noticed;
  const told =
    created !== undefined && finished !== undefined ? finished - created : end - (submitted ?? started ?? end);
  // Whatever RunComfy's dates say, the work was over by the time it was seen to be.
  const submittedHere = timeOf(seen.submittedAt);
  const totalMs = submittedHere === undefined ? told : Math.min(told, Math.max(0, noticed - submittedHere));

  const timings: GenerationTimings = { totalMs: atLeastZero(totalMs) };
  if (finished !== undefined) timings.noticedAfterMs = atLeastZero(noticed - finished);
  const lastQueued = timeOf(seen.lastQueuedAt) ?? submitted;
  if (submitted !== undefined && started !== undefined && lastQueued !== undefined) {
    const queueMs = bracketed(submitted, lastQueued, started);
    if (queueMs !== undefined) timings.queueMs = queueMs;
  }
  if (started !== undefined) {
    const lastUnfinished = finished ?? timeOf(seen.lastUnfinishedAt) ?? started;
    const startSlack = lastQueued === undefined ? 0 : started - lastQueued;
    const runMs = bracketed(started, lastUnfinished, end);
    if (runMs !== undefined && startSlack <= maxBracketShare * runMs) timings.runMs = runMs;
  }
  return timings;
}

/** Middle of [lastBefore, firstAfter] counted from `from`, where that bracket is narrow. */
function bracketed(from: number, lastBefore: number, firstAfter: number): number | undefined {
  const longest = firstAfter - from;
  const width = firstAfter - lastBefore;
  if (longest <= 0 || width < 0 || width > maxBracketShare * longest) return undefined;
  return Math.round(longest - width / 2);
}

function timeOf(text: string | undefined): number | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

function atLeastZero(ms: number): number {
  return Math.max(0, Math.round(ms));
}
