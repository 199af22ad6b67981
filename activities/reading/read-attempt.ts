import { activityInfo, heartbeat, log } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { Observation } from '../../domain/timings.ts';
import { isRunComfyError, isTokenRefused } from '../../runcomfy/errors.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { failure, toApplicationFailure } from '../to-application-failure.ts';
import { blindShare } from '../waiting/read-plan.ts';
import type { AttemptCount } from './read-counter.ts';

/** An id that was just accepted may be unknown for a moment, and a reply may be mangled on the way: only lasting ones count. */
const graceMs = 30_000;

/** Of what nobody signed, a 404 or an error: a server on the way that has lost its own may take as long to be mended. */
const unsignedGraceMs = 10 * 60_000;

/** Of the time between two answers that agree, no more counts as their having lasted: nobody asked in a longer one. */
const longestGapShare = 1 / 3;

/** What one reply alone does not prove. */
const doubtful: readonly FailureType[] = ['RequestNotFound', 'ProtocolMismatch', 'GenerationFailed'];

/** What was meant for somebody else, until it has lasted: what is said again and again is RunComfy's. */
export const ofAnother = { type: 'ProtocolMismatch', isOfAnother: true } as const;

/**
 * An answer that is in doubt; `isUnsigned`: a failure that servers in front of RunComfy may have written as well;
 * `isOfAnother`: an output, or that the work is over, in a reply that names another request.
 */
interface DoubtfulAnswer {
  type: FailureType;
  isUnsigned?: boolean | undefined;
  isOfAnother?: boolean | undefined;
}

interface Doubt {
  type: string;
  /** Epoch ms; later than the first such answer by the time in which nobody asked. */
  since: number;
  /** The last such answer, epoch ms. */
  at?: number;
}

/** Kept by the server between the attempts of one reading activity. */
interface ReadHeartbeat {
  reads: number;
  /** How many attempts ended only to go on later. */
  pauses?: number;
  /** The last answer, ISO 8601. */
  answeredAt?: string;
  /** A 404, a reply of the wrong shape or a failure in words of no kind that has been the answer since then. */
  doubt?: Doubt;
  /** The same of what nobody signed: it neither ends nor confirms what RunComfy itself says. */
  unsignedDoubt?: Doubt;
}

/** What a reading activity is asked, as far as its attempts go by it. */
export interface ReadQuestion {
  requestId: string;
  readsSoFar?: number;
  /** Since when the work is waited for, ISO 8601. */
  submittedAt?: string;
  followedSince?: string;
  seen?: Partial<Observation>;
}

/** What one attempt of a reading activity works with. */
export interface ReadAttempt {
  count: AttemptCount;
  /** Names the request as this workflow watches it. */
  key: string;
  /** When RunComfy last answered this activity as it should, ISO 8601. */
  answeredAt: () => string | undefined;
  /** It has done so again: whatever was in doubt no longer is. */
  noteAnswer: (at: string) => void;
  /** Whether this has been the answer for so long that it is not in doubt any more. */
  hasLasted: (doubtful: DoubtfulAnswer) => boolean;
}

/** Thrown by an attempt that goes on later, as another attempt of the same activity: nothing has failed. */
export class GoOnLater extends Error {
  readonly inMs: number;
  constructor(inMs: number, why = 'nothing new yet; reading on') {
    super(why);
    this.inMs = inMs;
  }
}

/** There was no turn for a read. */
export const noTurn = (inMs: number) => new GoOnLater(inMs, 'the limit on reads leaves no turn soon');

/** What Temporal shows of an attempt that goes on later; no generation ends with it. */
const goOnLaterType = 'ReadingOn';

/** A default Temporal server waits for a second at least. */
const shortestRetryMs = 1_000;

const longestBackoffMs = 30_000;

/** Short enough for work of which nothing is known. */
const shortBackoffMs = 2_000;

/**
 * Runs one attempt of a reading activity: counts its GETs, hands the count and a lasting doubt to the next attempt, and
 * lets a 404 or a misshapen reply become final only once it has lasted for 30 s, by a read as these end.
 */
export async function runReadAttempt<T>(
  { readCounter, readPacer }: Pick<ActivityDeps, 'readCounter' | 'readPacer'>,
  question: ReadQuestion,
  read: (attempt: ReadAttempt) => Promise<T>,
): Promise<T> {
  const { requestId, readsSoFar } = question;
  const info = activityInfo();
  const before = heartbeatOf(info.heartbeatDetails);
  const key = readKey(requestId);
  const count = readCounter.open(key, readsSoFar, before.reads);
  const answeredAt = () => before.answeredAt;
  const noteAnswer = (at: string) => {
    delete before.doubt;
    delete before.unsignedDoubt;
    before.answeredAt = at;
  };
  const startedAt = performance.now();
  /** By the server's clock, which all workers share. */
  const now = () => info.currentAttemptScheduledTimestampMs + (performance.now() - startedAt);
  const hasLasted = (answer: DoubtfulAnswer) => {
    const doubt = doubtSoFar(before, answer, now());
    return doubt !== undefined && now() - doubt.since >= graceOf(answer);
  };
  try {
    return await read({ count, key, answeredAt, noteAnswer, hasLasted });
  } catch (error) {
    if (error instanceof GoOnLater) {
      heartbeat({ ...before, reads: count.unreported(), pauses: (before.pauses ?? 0) + 1 } satisfies ReadHeartbeat);
      throw ApplicationFailure.create({
        type: goOnLaterType,
        message: error.message,
        nextRetryDelay: Math.max(shortestRetryMs, error.inMs),
        category: ApplicationFailureCategory.BENIGN,
      });
    }
    if (isRunComfyError(error) && error.type === 'RateLimited') readPacer.slowDown(error.retryAfterMs);
    const waitedMs = now() - (waitedSince(question) ?? info.scheduledTimestampMs);
    throw toReadFailure(error, before, count, now(), longestBackoffAfter(waitedMs));
  }
}

/** Names a request as the current activity's workflow watches it. */
export function readKey(requestId: string): string {
  return `${activityInfo().workflowExecution?.workflowId ?? ''} ${requestId}`;
}

function toReadFailure(
  error: unknown,
  before: ReadHeartbeat,
  count: AttemptCount,
  now: number,
  longestMs: number,
): Error {
  const kept: ReadHeartbeat = { ...before, reads: count.unreported() };
  if (!isRunComfyError(error)) {
    heartbeat(kept);
    return toApplicationFailure(error, 'read', {}, backoffAfter(before.pauses, longestMs));
  }
  if (error.isPermanent) return toApplicationFailure(error, 'read', { reads: count.report() });
  if (error.type === 'Unauthenticated') {
    const what = isTokenRefused(error) ? 'RunComfy refuses the token' : 'the token cannot be read';
    log.error(`${what}; the generation waits and goes on once it is accepted again`, { httpStatus: error.httpStatus });
  }
  if (doubtful.includes(error.type)) {
    const kind = kindOf(error);
    if (kept.doubt?.type !== kind) delete kept.doubt;
    if (kept.unsignedDoubt?.type !== kind) delete kept.unsignedDoubt;
    const doubt = doubtSoFar(before, error, now) ?? { type: kind, since: now };
    // A failure, or the output, is told by a reading, which the next attempt makes.
    const leastMs = error.type === 'GenerationFailed' || error.isOfAnother ? 1 : 0;
    const leftMs = Math.max(leastMs, Math.ceil(doubt.since + graceOf(error) - now));
    if (leftMs <= 0) return toApplicationFailure(error, 'read', { reads: count.report() });
    kept[slotOf(error)] = { ...doubt, at: now };
    heartbeat(kept);
    const delayMs = Math.min(leftMs, longestMs, Math.max(shortestRetryMs, Math.round((now - doubt.since) / 2)));
    return failure('ServiceUnavailable', 'read', error.message, detailsOf(error.httpStatus), delayMs);
  }
  // An outage says nothing about RunComfy's own word that it knows no such request: it neither ends nor confirms it. Other
  // replies before and after one may be its beginning and its end.
  if (kept.doubt?.type !== 'RequestNotFound') delete kept.doubt;
  delete kept.unsignedDoubt;
  heartbeat(kept);
  const mayPass =
    error.type === 'RateLimited' || error.type === 'ServiceUnavailable' || error.type === 'Unauthenticated';
  // Some servers say 0 or 1 s with every refusal, through a whole outage.
  const backoffMs = Math.max(error.retryAfterMs ?? 0, backoffAfter(before.pauses, longestMs));
  if (mayPass) return toApplicationFailure(error, 'read', {}, backoffMs);
  // No other answer to a read ends paid work either.
  return failure('ServiceUnavailable', 'read', error.message, detailsOf(error.httpStatus), backoffMs);
}

/** What of an answer has been in doubt before it. */
function doubtSoFar(before: ReadHeartbeat, answer: DoubtfulAnswer, now: number): Doubt | undefined {
  const doubt = before[slotOf(answer)];
  if (doubt?.type !== kindOf(answer)) return undefined;
  const gapMs = now - (doubt.at ?? doubt.since);
  return { ...doubt, since: doubt.since + Math.max(0, gapMs - graceOf(answer) * longestGapShare) };
}

/** By which answers are told to agree. */
function kindOf({ type, isOfAnother }: DoubtfulAnswer): string {
  return isOfAnother ? 'AnotherRequest' : type;
}

function slotOf({ isUnsigned }: DoubtfulAnswer): 'doubt' | 'unsignedDoubt' {
  return isUnsigned ? 'unsignedDoubt' : 'doubt';
}

function graceOf({ isUnsigned }: DoubtfulAnswer): number {
  return isUnsigned ? unsignedGraceMs : graceMs;
}

/** Doubles with each failure: Temporal counts the attempts that only went on later, too. */
function backoffAfter(pauses = 0, longestMs: number): number {
  const failuresBefore = Math.max(0, activityInfo().attempt - 1 - pauses);
  return Math.min(longestMs, shortestRetryMs * 2 ** failuresBefore);
}

/** As without knowledge: what ends during a blip is noticed soon after it, for what it took. */
function longestBackoffAfter(waitedMs: number): number {
  return Math.min(longestBackoffMs, Math.max(shortBackoffMs, Math.round(waitedMs * blindShare)));
}

/** Epoch ms. */
function waitedSince({ submittedAt, followedSince, seen }: ReadQuestion): number | undefined {
  const since = Date.parse(submittedAt ?? seen?.submittedAt ?? followedSince ?? '');
  return Number.isNaN(since) ? undefined : since;
}

function detailsOf(httpStatus: number | undefined): ActivityFailureDetails {
  return httpStatus === undefined ? {} : { httpStatus };
}

/** Older workers mark a doubt by `isUnsigned`, and hand on an `unsignedDoubt` even after an answer. */
function heartbeatOf(details: unknown): ReadHeartbeat {
  if (!isJsonObject(details) || typeof details['reads'] !== 'number') return { reads: 0 };
  const before = { ...details } as unknown as ReadHeartbeat & { doubt?: { isUnsigned?: true } };
  const { doubt, unsignedDoubt, answeredAt } = before;
  if (unsignedDoubt && answeredAt && (unsignedDoubt.at ?? unsignedDoubt.since) < Date.parse(answeredAt)) {
    delete before.unsignedDoubt;
  }
  if (doubt?.isUnsigned) {
    const { isUnsigned: _, ...moved } = doubt;
    delete before.doubt;
    before.unsignedDoubt = moved;
  }
  return before;
}
