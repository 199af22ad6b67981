import { activityInfo, heartbeat, log } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { Observation } from '../../domain/timings.ts';
import { foreignRequestCode, isRunComfyError, isTokenRefused } from '../../runcomfy/errors.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { failure, toApplicationFailure } from '../to-application-failure.ts';
import { blindShare } from '../waiting/read-plan.ts';
import type { AttemptCount } from './read-counter.ts';

/**
 * How long a doubtful answer must last to count, in milliseconds: an id that was just accepted may be unknown for a
 * moment, and a reply may be mangled on the way.
 */
const graceMs = 30_000;

/**
 * The same for a 404 or an error that may not be RunComfy's own: a misrouting server on the way may take this long to
 * be fixed.
 */
const unsignedGraceMs = 10 * 60_000;

/**
 * The time between two agreeing answers counts as up to this share of the grace period, since nobody asked in between.
 */
const longestGapShare = 1 / 3;

/** Failures that a single reply does not prove. */
const doubtful: readonly FailureType[] = ['RequestNotFound', 'ProtocolMismatch', 'GenerationFailed'];

/**
 * A reply that names another request: taken to be someone else's until it has lasted, since only RunComfy says it again
 * and again.
 */
export const ofAnother = { type: 'ProtocolMismatch', isOfAnother: true } as const;

/** A status that its result contradicts: the status counts once that has lasted, since a result may never catch up. */
export const contradicted = { type: 'ProtocolMismatch', isContradicted: true } as const;

/**
 * An answer that is in doubt. `isUnsigned`: a failure that servers in front of RunComfy may have written as well.
 * `isOfAnother`: a reply that names another request and has an output, or says that the work is over.
 * `isContradicted`: a status that says that the work was stopped, while its result says that it is under way.
 */
interface DoubtfulAnswer {
  type: FailureType;
  isUnsigned?: boolean | undefined;
  isOfAnother?: boolean | undefined;
  isContradicted?: boolean | undefined;
}

interface Doubt {
  type: string;
  /** Time of the first such answer, moved later by the time in which nobody asked; epoch ms. */
  since: number;
  /** Time of the last such answer, epoch ms. */
  at?: number;
}

/** Heartbeat details, which Temporal keeps between the attempts of one reading activity. */
interface ReadHeartbeat {
  reads: number;
  /** Attempts that ended only in order to go on later. */
  pauses?: number;
  /** Time of the last proper answer, ISO 8601. */
  answeredAt?: string;
  /** A 404, a malformed reply or an unclear failure that has been the answer for some time. */
  doubt?: Doubt;
  /** The same for answers that may not be RunComfy's own, which neither end nor confirm what RunComfy itself says. */
  unsignedDoubt?: Doubt;
}

/** The part of a reading activity's question that its attempts use. */
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
  /** Identifies the request as the one that this workflow watches. */
  key: string;
  /** When RunComfy last gave this activity a proper answer, ISO 8601. */
  answeredAt: () => string | undefined;
  /** Records a proper answer, which clears every doubt. */
  noteAnswer: (at: string) => void;
  /** Whether earlier attempts had this answer, and no proper one since. */
  isInDoubt: (doubtful: DoubtfulAnswer) => boolean;
  /** Whether this answer has lasted for its grace period, so that it is no longer in doubt. */
  hasLasted: (doubtful: DoubtfulAnswer) => boolean;
}

/** Thrown by an attempt that goes on later, as another attempt of the same activity; nothing has failed. */
export class GoOnLater extends Error {
  readonly inMs: number;
  constructor(inMs: number, why = 'nothing new yet; reading on') {
    super(why);
    this.inMs = inMs;
  }
}

/** Goes on later because the limit on reads leaves no turn now. */
export const noTurn = (inMs: number) => new GoOnLater(inMs, 'the limit on reads leaves no turn soon');

/** The failure type that Temporal shows for an attempt that goes on later; no generation ends with it. */
const goOnLaterType = 'ReadingOn';

/** Shortest retry delay, in milliseconds: a Temporal server waits at least a second by default. */
const shortestRetryMs = 1_000;

const longestBackoffMs = 30_000;

/** Least value of the longest backoff, in milliseconds: short enough for work of which nothing is known. */
const shortBackoffMs = 2_000;

/**
 * Runs one attempt of a reading activity: counts its GETs and hands the count and any doubt on to the next attempt. A
 * 404 or a malformed reply becomes final only once it has lasted for its grace period (30 s, or 10 minutes if it may
 * not be RunComfy's own) and a read at the end of that still sees it.
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
  /** Now by the server's clock, which all workers share; epoch ms. */
  const now = () => info.currentAttemptScheduledTimestampMs + (performance.now() - startedAt);
  const isInDoubt = (answer: DoubtfulAnswer) => doubtSoFar(before, answer, now()) !== undefined;
  const hasLasted = (answer: DoubtfulAnswer) => {
    const doubt = doubtSoFar(before, answer, now());
    return doubt !== undefined && now() - doubt.since >= graceOf(answer);
  };
  try {
    return await read({ count, key, answeredAt, noteAnswer, isInDoubt, hasLasted });
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

/** Identifies a request as the one that the current activity's workflow watches. */
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
  // Not permanent yet only because the reply names another request.
  const isForeign = error.type === 'Unauthenticated' && error.vendorCode === foreignRequestCode;
  if (error.type === 'Unauthenticated' && !isForeign) {
    const what = isTokenRefused(error) ? 'RunComfy refuses the token' : 'the token cannot be read';
    log.error(`${what}; the generation waits and goes on once it is accepted again`, { httpStatus: error.httpStatus });
  }
  if (doubtful.includes(error.type) || isForeign) {
    const kind = kindOf(error);
    if (kept.doubt?.type !== kind) delete kept.doubt;
    if (kept.unsignedDoubt?.type !== kind) delete kept.unsignedDoubt;
    const doubt = doubtSoFar(before, error, now) ?? { type: kind, since: now };
    // Another attempt always follows here, since an end or an output is reported by a reading, not by an error.
    const leastMs = error.type === 'GenerationFailed' || error.isOfAnother || error.isContradicted ? 1 : 0;
    const leftMs = Math.max(leastMs, Math.ceil(doubt.since + graceOf(error) - now));
    if (leftMs <= 0) {
      const lasting = isForeign ? Object.assign(error, { isPermanent: true }) : error;
      return toApplicationFailure(lasting, 'read', { reads: count.report() });
    }
    kept[slotOf(error)] = { ...doubt, at: now };
    heartbeat(kept);
    const delayMs = Math.min(leftMs, longestMs, Math.max(shortestRetryMs, Math.round((now - doubt.since) / 2)));
    return failure('ServiceUnavailable', 'read', error.message, detailsOf(error.httpStatus), delayMs);
  }
  // An outage neither ends nor confirms RunComfy's own word that it knows no such request, or that stopped work is under
  // way. Other doubts end: malformed replies before and after an outage may be its beginning and its end.
  if (kept.doubt?.type !== 'RequestNotFound' && kept.doubt?.type !== kindOf(contradicted)) delete kept.doubt;
  delete kept.unsignedDoubt;
  heartbeat(kept);
  const mayPass =
    error.type === 'RateLimited' || error.type === 'ServiceUnavailable' || error.type === 'Unauthenticated';
  // Some servers send a `Retry-After` of 0 or 1 s with every refusal throughout an outage.
  const backoffMs = Math.max(error.retryAfterMs ?? 0, backoffAfter(before.pauses, longestMs));
  if (mayPass) return toApplicationFailure(error, 'read', {}, backoffMs);
  // No other answer to a read ends paid work either.
  return failure('ServiceUnavailable', 'read', error.message, detailsOf(error.httpStatus), backoffMs);
}

/** The doubt that earlier answers of this kind leave, if any. Its `since` skips the time in which nobody asked. */
function doubtSoFar(before: ReadHeartbeat, answer: DoubtfulAnswer, now: number): Doubt | undefined {
  const doubt = before[slotOf(answer)];
  if (doubt?.type !== kindOf(answer)) return undefined;
  const gapMs = now - (doubt.at ?? doubt.since);
  return { ...doubt, since: doubt.since + Math.max(0, gapMs - graceOf(answer) * longestGapShare) };
}

/** The kind of an answer; answers of the same kind agree. */
function kindOf({ type, isOfAnother, isContradicted }: DoubtfulAnswer): string {
  if (isContradicted) return 'StoppedButUnderWay';
  return isOfAnother ? 'AnotherRequest' : type;
}

function slotOf({ isUnsigned }: DoubtfulAnswer): 'doubt' | 'unsignedDoubt' {
  return isUnsigned ? 'unsignedDoubt' : 'doubt';
}

function graceOf({ isUnsigned }: DoubtfulAnswer): number {
  return isUnsigned ? unsignedGraceMs : graceMs;
}

/**
 * The backoff doubles with each failure. Attempts that only went on later are left out, since Temporal counts them too.
 */
function backoffAfter(pauses = 0, longestMs: number): number {
  const failuresBefore = Math.max(0, activityInfo().attempt - 1 - pauses);
  return Math.min(longestMs, shortestRetryMs * 2 ** failuresBefore);
}

/**
 * The longest backoff after this wait: the gap between reads of unknown work, so that an end during a short outage is
 * noticed soon after it, relative to how long the work took.
 */
function longestBackoffAfter(waitedMs: number): number {
  return Math.min(longestBackoffMs, Math.max(shortBackoffMs, Math.round(waitedMs * blindShare)));
}

/** Since when the work is waited for, epoch ms. */
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
