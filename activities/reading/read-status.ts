import { activityInfo, log } from '@temporalio/activity';
import type { Activities, RequestStatus, StatusQuestion, StatusReading } from '../../domain/activities.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { secondsPerReadOf } from '../../domain/waiting.ts';
import { RunComfyError } from '../../runcomfy/errors.ts';
import { attributesFor } from '../known-attributes.ts';
import type { WaitingKnowledge, WaitSoFar } from '../waiting/knowledge.ts';
import { isNextReadSoon, shortestTimerMs } from '../waiting/two-gears.ts';
import { latestLookAt, readEnd, type ReadingDeps } from './late-cost.ts';
import type { OpenAttempt } from './open-attempts.ts';
import { contradicted, GoOnLater, noTurn, ofAnother, type ReadAttempt, runReadAttempt } from './read-attempt.ts';
import type { AttemptCount } from './read-counter.ts';

/** Longest duration of an attempt, in milliseconds: short, so that a dead worker's attempt is noticed soon. */
const longestAttemptMs = 19_500;

/** Time limit of a GET, in milliseconds from the start of the attempt: an answer after the attempt would be lost. */
const latestAnswerMs = 23_000;

/** The workflow is told at least this often how many reads there were. */
const longestSilenceMs = 75_000;

/**
 * `GET /requests/{id}/status`, once or several times until something changes: says where the work stands and when to
 * look again. If that takes longer than one attempt may last, the next attempt of the same activity goes on.
 */
export function createReadStatus(deps: ReadingDeps): Activities['readStatus'] {
  return (question) =>
    runReadAttempt(deps, question, async (attempt) => {
      const open = deps.openAttempts.begin(attempt.key);
      try {
        return await readUntilNews(deps, question, attempt, open);
      } finally {
        open.end();
      }
    });
}

async function readUntilNews(
  deps: ReadingDeps,
  question: StatusQuestion,
  attempt: ReadAttempt,
  open: OpenAttempt,
): Promise<StatusReading> {
  // `performance.now()` is never set back.
  const startedAt = performance.now();
  const latestAt = startedAt + longestAttemptMs;
  const answerBy = startedAt + latestAnswerMs;
  const costBy = Math.min(answerBy, latestLookAt());
  await untilDue(question, open);
  let last: StatusQuestion = { ...question, ...seenBefore(question, attempt.answeredAt()) };
  for (;;) {
    const reading = await readOnce(deps, last, attempt, open, {
      turnBy: latestAt,
      answerBy,
      costBy,
    });
    // Once the work is over, the next read is that of its result.
    const isOver = reading.status === 'finished' || reading.status === 'failed';
    const isSoon = isOver || isNextReadSoon(reading.nextReadInMs);
    const report = () => ({ ...reading, reads: attempt.count.report(), ...(isSoon && { isNextReadSoon: true }) });
    if (isNews(question, reading) || !isSoon) return report();
    if (performance.now() + reading.nextReadInMs >= latestAt) {
      if (!isSilentForLong(question, reading)) throw new GoOnLater(reading.nextReadInMs);
      return report();
    }
    const pausedAt = performance.now();
    const pauseEnd = await open.pause(reading.nextReadInMs);
    // The reads of a dropped attempt are reported by the activity that its workflow turned to.
    if (pauseEnd === 'dropped') return reading;
    if (pauseEnd === 'shutdown') return { ...report(), nextReadInMs: leftOf(reading.nextReadInMs, pausedAt) };
    if (pauseEnd === 'no-room') return { ...report(), isNextReadSoon: false };
    last = { ...last, ...seenIn(reading) };
  }
}

/**
 * Waits until the first read is due, if the workflow leaves that wait to this activity. A nudge or a cancel meanwhile
 * drops the attempt.
 */
async function untilDue({ nextReadAt }: StatusQuestion, open: OpenAttempt): Promise<void> {
  if (nextReadAt === undefined) return;
  // Both times are the server's, since the clock of this worker may differ. A later attempt starts after the due time.
  const sinceMs = Date.parse(nextReadAt) - activityInfo().currentAttemptScheduledTimestampMs;
  const dueInMs = Math.min(sinceMs, shortestTimerMs);
  if (!(dueInMs > 0)) return;
  const pausedAt = performance.now();
  const pauseEnd = await open.pause(dueInMs);
  if (pauseEnd !== 'over') throw new GoOnLater(leftOf(dueInMs, pausedAt));
}

/** What is left of a pause, in milliseconds. */
function leftOf(pauseMs: number, pausedAt: number): number {
  return Math.max(1, Math.round(pauseMs - (performance.now() - pausedAt)));
}

/** Whether the workflow has to be told at once. */
function isNews({ lastStatus, isLastRead }: StatusQuestion, { status }: StatusReading): boolean {
  return isLastRead === true || status !== lastStatus || (status !== 'in_queue' && status !== 'in_progress');
}

/**
 * Whether to report although the status is the same: the place in the queue has changed, or the workflow has not heard
 * of the reads for long. Users may ask it for both.
 */
function isSilentForLong({ queuePosition }: StatusQuestion, reading: StatusReading): boolean {
  const { currentAttemptScheduledTimestampMs, scheduledTimestampMs } = activityInfo();
  const silentForMs = currentAttemptScheduledTimestampMs + longestAttemptMs - scheduledTimestampMs;
  return reading.queuePosition !== queuePosition || silentForMs > longestSilenceMs;
}

/** What the earlier attempts saw last: the known status, since they would have reported any other. */
function seenBefore({ lastStatus }: StatusQuestion, answeredAt: string | undefined): Partial<StatusQuestion> {
  if (answeredAt === undefined) return {};
  return { lastReadAt: answeredAt, ...(lastStatus === 'in_queue' && { lastQueuedAt: answeredAt }) };
}

function seenIn({ status, readAt, queuePosition }: StatusReading): Partial<StatusQuestion> {
  return {
    lastReadAt: readAt,
    ...(status === 'in_queue' && { lastQueuedAt: readAt }),
    ...(queuePosition !== undefined && { queuePosition }),
  };
}

async function readOnce(
  deps: ReadingDeps,
  question: StatusQuestion,
  { count, answeredAt, noteAnswer, isInDoubt, hasLasted }: ReadAttempt,
  open: OpenAttempt,
  { turnBy, answerBy, costBy }: { turnBy: number; answerBy: number; costBy: number },
): Promise<StatusReading> {
  const { runcomfy, waiting, readPacer } = deps;
  if (question.isLastRead) {
    readPacer.skipTurn();
  } else {
    const turnInMs = await readPacer.takeTurn({
      likelyEndInMs: likelyEndInMs(waiting, question),
      withinMs: turnBy - performance.now(),
    });
    // The activity that dropped this attempt while it waited makes its own reads.
    if (turnInMs > 0 || open.isDropped()) throw noTurn(turnInMs);
  }
  count.add();
  const signal = AbortSignal.timeout(Math.max(1, Math.round(answerBy - performance.now())));
  const reply = await runcomfy.status(question.requestId, { signal });
  const { queuePosition, reason } = reply;
  // Work that is taken to be over is no longer cancelled, so this has to last first.
  if (reply.status === 'finished' && reply.namesAnother && !question.isLastRead && !hasLasted(ofAnother)) {
    const message = `RunComfy answers for request ${question.requestId} that another is over`;
    throw new RunComfyError(ofAnother.type, message, { isOfAnother: true });
  }
  const readAt = new Date();
  const isCertain = question.isLastRead === true || hasLasted(contradicted);
  const { status, statusWord, costUsd } =
    reply.status === 'cancelled'
      ? await endOfStopped(deps, question, count, { latestAt: costBy, isCertain, wasUnderWay: isInDoubt(contradicted) })
      : { ...reply, costUsd: undefined };
  const readBeforeAt = answeredAt();
  noteAnswer(readAt.toISOString());
  if (status === 'unrecognized' && question.lastStatus !== 'unrecognized') {
    log.warn('RunComfy sent a status that is not known here; reading on', {
      requestId: question.requestId,
      statusWord,
    });
  }
  noteQueueMove(waiting, question, readAt, queuePosition);
  const wait = waitAt(question, readAt.getTime());
  const now: WaitSoFar = {
    ...wait,
    running: status === 'in_progress' ? (wait.running ?? 0) : undefined,
    isQueueing: status === 'in_queue',
    queuePosition,
  };
  const nextReadInMs = waiting.nextReadInMs(now);
  const isOver = status === 'finished' || status === 'failed' || status === 'cancelled';
  const endInMs = isOver ? undefined : waiting.expectedEndInMs(now);
  const expectedEndAt = endInMs === undefined ? undefined : new Date(readAt.getTime() + endInMs).toISOString();
  return {
    status,
    ...(status === 'unrecognized' && { statusWord }),
    reads: 0,
    readAt: readAt.toISOString(),
    nextReadInMs,
    ...withoutUndefined({ queuePosition, readBeforeAt, reason, costUsd, expectedEndAt }),
    ...attributesFor(question, deps),
  };
}

/**
 * Checks a `cancelled` status against the result, which may say that the work succeeded or still runs. An output counts
 * at once; that the work still runs counts only until the contradiction has lasted, also while the result is away.
 */
async function endOfStopped(
  deps: ReadingDeps,
  question: StatusQuestion,
  count: AttemptCount,
  { latestAt, isCertain, wasUnderWay }: { latestAt: number; isCertain: boolean; wasUnderWay: boolean },
): Promise<{ status: RequestStatus; statusWord: string; costUsd?: number | undefined }> {
  const end = await readEnd(deps, question, count, latestAt - performance.now());
  const statusWord = 'cancelled';
  if (end?.notStopped === 'finished') return { status: 'finished', statusWord };
  const isUnderWay = end ? end.notStopped === 'in_progress' : wasUnderWay;
  if (isUnderWay && !isCertain) {
    const message = `RunComfy says that request ${question.requestId} was cancelled, and by its result that it is under way`;
    throw new RunComfyError(contradicted.type, message, { isContradicted: true });
  }
  const costUsd = await deps.lateCost(question, { status: 'cancelled', costUsd: end?.costUsd }, count, latestAt);
  return { status: 'cancelled', statusWord, costUsd };
}

/** Counted from the last read that saw no end, so that a long wait for a turn does not make a read look less urgent. */
function likelyEndInMs(waiting: WaitingKnowledge, question: StatusQuestion): number {
  const { lastReadAt, submittedAt, followedSince } = question;
  const now = Date.now();
  const seenAt = Date.parse(lastReadAt ?? submittedAt ?? followedSince ?? new Date(now).toISOString());
  return seenAt + waiting.likelyEndInMs(waitAt(question, seenAt)) - now;
}

/** Learns the speed of the queue from how far it has moved since the previous read. */
function noteQueueMove(
  waiting: WaitingKnowledge,
  { model, lastReadAt, queuePosition: before }: StatusQuestion,
  readAt: Date,
  position: number | undefined,
): void {
  if (lastReadAt === undefined || before === undefined || position === undefined) return;
  waiting.learnQueueMove({
    model,
    places: before - position,
    seconds: (readAt.getTime() - Date.parse(lastReadAt)) / 1000,
  });
}

/** What is known of the request at a moment (epoch ms), before it is read. */
function waitAt(question: StatusQuestion, now: number): WaitSoFar {
  const { model, workKey, submittedAt, followedSince, startedAt, lastQueuedAt, waiting } = question;
  const since = (time: string | undefined) => (time === undefined ? 0 : (now - Date.parse(time)) / 1000);
  return {
    model,
    workKey,
    waited: since(submittedAt ?? followedSince),
    isOlder: submittedAt === undefined,
    running: startedAt === undefined ? undefined : since(startedAt),
    runningAtMost: since(lastQueuedAt ?? submittedAt ?? followedSince),
    secondsPerRead: secondsPerReadOf(waiting),
  };
}
