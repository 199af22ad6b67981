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
import { GoOnLater, noTurn, ofAnother, type ReadAttempt, runReadAttempt } from './read-attempt.ts';
import type { AttemptCount } from './read-counter.ts';

/** Attempts are short, so that a dead worker's is soon noticed. */
const longestAttemptMs = 19_500;

/** No GET outlives its attempt, whose answer would be lost with it. */
const latestAnswerMs = 23_000;

/** The workflow is told at least this often how many reads there were. */
const longestSilenceMs = 75_000;

/**
 * `GET /requests/{id}/status`, once or several times until something changes: where the work stands, when to look again.
 * Where reads go on for longer than one attempt may last, the next attempt of the same activity goes on.
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
  // The process's own clock is never set back.
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
    // What a dropped attempt has read is reported by the activity that its workflow turned to.
    if (pauseEnd === 'dropped') return reading;
    if (pauseEnd === 'shutdown') return { ...report(), nextReadInMs: leftOf(reading.nextReadInMs, pausedAt) };
    if (pauseEnd === 'no-room') return { ...report(), isNextReadSoon: false };
    last = { ...last, ...seenIn(reading) };
  }
}

/** Waits for a first read that the workflow leaves to this activity; a nudge or a cancel drops the attempt meanwhile. */
async function untilDue({ nextReadAt }: StatusQuestion, open: OpenAttempt): Promise<void> {
  if (nextReadAt === undefined) return;
  // Both times are the server's: the clock of this worker may differ. A further attempt comes after it was due.
  const sinceMs = Date.parse(nextReadAt) - activityInfo().currentAttemptScheduledTimestampMs;
  const dueInMs = Math.min(sinceMs, shortestTimerMs);
  if (!(dueInMs > 0)) return;
  const pausedAt = performance.now();
  const pauseEnd = await open.pause(dueInMs);
  if (pauseEnd !== 'over') throw new GoOnLater(leftOf(dueInMs, pausedAt));
}

/** Milliseconds that are left of a pause. */
function leftOf(pauseMs: number, pausedAt: number): number {
  return Math.max(1, Math.round(pauseMs - (performance.now() - pausedAt)));
}

/** Whether the workflow has to know at once. */
function isNews({ lastStatus, isLastRead }: StatusQuestion, { status }: StatusReading): boolean {
  return isLastRead === true || status !== lastStatus || (status !== 'in_queue' && status !== 'in_progress');
}

/** Whether the workflow should hear of what it could ask for: the place in the queue, or how many reads there were. */
function isSilentForLong({ queuePosition }: StatusQuestion, reading: StatusReading): boolean {
  const { currentAttemptScheduledTimestampMs, scheduledTimestampMs } = activityInfo();
  const silentForMs = currentAttemptScheduledTimestampMs + longestAttemptMs - scheduledTimestampMs;
  return reading.queuePosition !== queuePosition || silentForMs > longestSilenceMs;
}

/** What the attempts before saw last: the status that was known, or they would have reported another. */
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
  { count, answeredAt, noteAnswer, hasLasted }: ReadAttempt,
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
    // Whoever dropped this attempt while it waited reads by itself.
    if (turnInMs > 0 || open.isDropped()) throw noTurn(turnInMs);
  }
  count.add();
  const signal = AbortSignal.timeout(Math.max(1, Math.round(answerBy - performance.now())));
  const reply = await runcomfy.status(question.requestId, { signal });
  const { queuePosition, reason } = reply;
  // Work that is taken for over is cancelled no more.
  if (reply.status === 'finished' && reply.namesAnother && !question.isLastRead && !hasLasted(ofAnother)) {
    const message = `RunComfy answers for request ${question.requestId} that another is over`;
    throw new RunComfyError(ofAnother.type, message, { isOfAnother: true });
  }
  const readAt = new Date();
  const readBeforeAt = answeredAt();
  noteAnswer(readAt.toISOString());
  const { status, statusWord, costUsd } =
    reply.status === 'cancelled' ? await endOfStopped(deps, question, count, costBy) : { ...reply, costUsd: undefined };
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

/** The result may say of work that the status calls stopped that it went well, or is not over: an end is what both agree on. */
async function endOfStopped(
  deps: ReadingDeps,
  question: StatusQuestion,
  count: AttemptCount,
  latestAt: number,
): Promise<{ status: RequestStatus; statusWord: string; costUsd?: number | undefined }> {
  const end = await readEnd(deps, question, count, latestAt - performance.now());
  const statusWord = 'cancelled';
  if (end?.notStopped === 'finished') return { status: 'finished', statusWord };
  if (end?.notStopped === 'in_progress')
    return { status: 'unrecognized', statusWord: `${statusWord}, but under way by its result` };
  const costUsd = await deps.lateCost(question, { status: 'cancelled', costUsd: end?.costUsd }, count, latestAt);
  return { status: 'cancelled', statusWord, costUsd };
}

/** Counted from the last read that saw no end: a read that waits long for its turn does not look less urgent for it. */
function likelyEndInMs(waiting: WaitingKnowledge, question: StatusQuestion): number {
  const { lastReadAt, submittedAt, followedSince } = question;
  const now = Date.now();
  const seenAt = Date.parse(lastReadAt ?? submittedAt ?? followedSince ?? new Date(now).toISOString());
  return seenAt + waiting.likelyEndInMs(waitAt(question, seenAt)) - now;
}

/** How far the queue has moved since the read before teaches how fast it moves. */
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
