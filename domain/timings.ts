/** Durations of a generation, as far as the reads reveal them. */
export interface GenerationTimings {
  /** From the submit's reply to the start of the work; only if reads narrow it down to within 10 %. */
  queueMs?: number;
  /** From the first read that saw the work running to its end; only if reads narrow it down to within 10 %. */
  runMs?: number;
  /** From the submit to the end as dated by RunComfy, or else to when the end was noticed. */
  totalMs: number;
  /** From RunComfy's `finished_at` to the first read that saw the end. */
  noticedAfterMs?: number;
}

/** What reads have seen of a generation; times are ISO 8601. */
export interface Observation {
  submittedAt?: string;
  /**
   * When this generation began to watch the request. For a request made elsewhere, nothing else is known of its start.
   */
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

/** If RunComfy's clock agrees with ours, its reply reaches us at most this long after the time it states. */
const usualReplyMs = 2_000;

/** A queue time of at most this share of the total hardly distorts the duration of the work. */
const maxQueueShare = 0.25;

/**
 * Largest ratio between the longest and the shortest possible duration. Their mean is off by at most a third of the
 * longer.
 */
const maxWorkFactor = 3;

/**
 * The durations of a generation by its observation. Each stage is given only if reads narrow it down to within 10 %.
 */
export function timingsOf(seen: Observation): GenerationTimings {
  const { submitted, started, noticed, end, lastUnfinished } = momentsOf(seen);
  const timings: GenerationTimings = { totalMs: totalMsOf(seen) };
  if (timeOf(seen.finishedAt) !== undefined) {
    // A delay cannot begin before anybody watched, and RunComfy's clock may be off.
    const watchedFrom = seen.submittedAt === undefined ? (timeOf(seen.followedSince) ?? end) : end;
    timings.noticedAfterMs = atLeastZero(noticed - Math.max(end, watchedFrom));
  }
  const lastQueued = timeOf(seen.lastQueuedAt) ?? submitted;
  // Not counted from RunComfy's own date, which would mix two clocks.
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
 * How long the work itself took, without its time in the queue. Undefined if the reads could not tell the two apart.
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
  // RunComfy's dates count only if they fit the reads: the work ended after the last read that saw it unfinished and
  // before the one that saw its end.
  const isSeen = earliestEnd - submitted <= told && told <= noticed - submitted;
  return atLeastZero(isSeen ? told : end - since);
}

/** Times in epoch ms by the clock of our reads, which RunComfy's may differ from. */
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

/** The middle of [lastBefore, firstAfter], relative to `from`; undefined unless that interval is narrow. */
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
