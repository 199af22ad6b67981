/** How long the work took, as far as the reads tell. */
export interface GenerationTimings {
  /** From the submit's reply to the first read that saw the work running; only where the reads bracket it within 10 %. */
  queueMs?: number;
  /** From the first read that saw the work running to its end; only where the reads bracket it within 10 %. */
  runMs?: number;
  /** From the submit to the end as RunComfy dates it, else as it was noticed. */
  totalMs: number;
  /** From RunComfy's `finished_at` to the first read that saw the end. */
  noticedAfterMs?: number;
}

/** What the reads have seen of a generation; times are ISO 8601. */
export interface Observation {
  submittedAt?: string;
  /** Since when it is watched here; of a request that was made elsewhere all that is known of its beginning. */
  followedSince?: string;
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

/** A reply comes so long after what it tells of, where two clocks agree. */
const usualReplyMs = 2_000;

/** A queue that takes no more of the whole than this blurs the work but little. */
const maxQueueShare = 0.25;

/** The middle of two lengths, one so many times the other, is off by half of the longer one at most. */
const maxWorkFactor = 3;

/** How long a generation took, by what was observed. A stage is only given where the reads bracket it within 10 %. */
export function timingsOf(seen: Observation): GenerationTimings {
  const { submitted, started, noticed, end, lastUnfinished } = momentsOf(seen);
  const timings: GenerationTimings = { totalMs: totalMsOf(seen) };
  if (timeOf(seen.finishedAt) !== undefined) {
    // Nobody was late before anybody watched, and RunComfy's clock may be off.
    const watchedFrom = seen.submittedAt === undefined ? (timeOf(seen.followedSince) ?? end) : end;
    timings.noticedAfterMs = atLeastZero(noticed - Math.max(end, watchedFrom));
  }
  const lastQueued = timeOf(seen.lastQueuedAt) ?? submitted;
  // Counted from RunComfy's own date it would mix two clocks.
  if (seen.submittedAt !== undefined && submitted !== undefined && started !== undefined && lastQueued !== undefined) {
    const queueMs = bracketed(submitted, lastQueued, started);
    if (queueMs !== undefined) timings.queueMs = queueMs;
  }
  if (started !== undefined) {
    const startSlack = lastQueued === undefined ? 0 : started - lastQueued;
    const runMs = bracketed(started, lastUnfinished ?? started, end);
    if (runMs !== undefined && startSlack <= maxBracketShare * runMs) timings.runMs = runMs;
  }
  return timings;
}

/**
 * How long the work itself took, without its time in the queue, as far as the reads saw it there. Undefined: they did not
 * tell the two apart.
 */
export function workMsOf(seen: Observation): number | undefined {
  const { submitted, started, end, lastUnfinished } = momentsOf(seen);
  const lastQueued = timeOf(seen.lastQueuedAt);
  const totalMs = totalMsOf(seen);
  if (lastQueued === undefined) return totalMs;
  const longest = atLeastZero(end - lastQueued);
  if (submitted !== undefined && lastQueued - submitted <= maxQueueShare * totalMs) return longest;
  const shortest = started === undefined ? 0 : atLeastZero((lastUnfinished ?? started) - started);
  return longest <= maxWorkFactor * shortest ? Math.round((longest + shortest) / 2) : undefined;
}

function totalMsOf(seen: Observation): number {
  const { submitted, started, noticed, end, earliestEnd } = momentsOf(seen);
  const [created, finished] = [timeOf(seen.createdAt), timeOf(seen.finishedAt)];
  const told = created === undefined || finished === undefined ? undefined : finished - created;
  const since = submitted ?? started ?? end;
  if (told === undefined) return atLeastZero(end - since);
  if (submitted === undefined || timeOf(seen.submittedAt) === undefined) return atLeastZero(told);
  // Whatever RunComfy's dates say, the work ended after the last read that saw it unfinished, before the one that saw it.
  const isSeen = earliestEnd - submitted <= told && told <= noticed - submitted;
  return atLeastZero(isSeen ? told : end - since);
}

/** All in epoch ms by the clock of our reads; RunComfy's may differ. */
function momentsOf(seen: Observation) {
  const submitted = timeOf(seen.submittedAt);
  const created = timeOf(seen.createdAt);
  const started = timeOf(seen.startedAt);
  const noticed = Date.parse(seen.noticedAt);
  const lastRead = timeOf(seen.lastUnfinishedAt);
  const earliestEnd = Math.max(lastRead ?? -Infinity, started ?? -Infinity, submitted ?? -Infinity);
  const aheadMs = submitted === undefined || created === undefined ? 0 : submitted - created;
  const clocksDifferMs = aheadMs >= 0 && aheadMs <= usualReplyMs ? 0 : aheadMs;
  const told = timeOf(seen.finishedAt);
  const finished = told === undefined ? undefined : told + clocksDifferMs;
  const isSeen = finished !== undefined && earliestEnd <= finished && finished <= noticed;
  return {
    submitted: submitted ?? created,
    started,
    noticed,
    earliestEnd,
    end: isSeen ? finished : noticed,
    lastUnfinished: isSeen ? finished : lastRead,
  };
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
