import { log } from '@temporalio/activity';
import type { Activities, StatusQuestion, StatusReading } from '../domain/activities.ts';
import { secondsPerReadOf } from '../domain/waiting.ts';
import type { ActivityDeps } from './activity-deps.ts';
import type { OpenCount } from './read-tally.ts';
import { readingAttempt } from './reading.ts';

/** A default Temporal server cannot wait for less: reads that come closer than that happen within one attempt. */
const shortestTimerMs = 1_000;

/** Attempts are short, so that a dead worker's is soon noticed and the workflow's state is never older. */
const longestAttemptMs = 18_000;

/** `GET /requests/{id}/status`, once or several times until something changes: where the work stands, when to look again. */
export function createReadStatus(deps: ActivityDeps): Activities['readStatus'] {
  const { openReadings } = deps;
  return (question) =>
    readingAttempt(deps, question, async ({ count, key }) => {
      const open = openReadings.begin(key);
      const latestAt = Date.now() + longestAttemptMs;
      try {
        for (;;) {
          const reading = await readOnce(deps, question, count);
          const pauseEnd = isWorthStaying(question, reading, latestAt)
            ? await open.pause(reading.nextReadInMs)
            : 'no-room';
          // What a dropped attempt has read is reported by the activity that its workflow turned to.
          if (pauseEnd === 'dropped') return reading;
          if (pauseEnd !== 'over') return { ...reading, reads: count.report() };
        }
      } finally {
        open.end();
      }
    });
}

/** Whether the next read comes in this attempt: soon, and with nothing new for the workflow to know. */
function isWorthStaying(
  { lastStatus }: StatusQuestion,
  { status, nextReadInMs }: StatusReading,
  latestAt: number,
): boolean {
  if (status !== lastStatus || (status !== 'in_queue' && status !== 'in_progress')) return false;
  return nextReadInMs < shortestTimerMs && Date.now() + nextReadInMs < latestAt;
}

async function readOnce(deps: ActivityDeps, question: StatusQuestion, count: OpenCount): Promise<StatusReading> {
  const { runcomfy, searchAttributes, waiting, pacer } = deps;
  await pacer.takeTurn();
  count.add();
  const { status, statusWord, queuePosition } = await runcomfy.status(question.requestId);
  const readAt = new Date();
  if (status === 'unrecognized' && question.lastStatus !== 'unrecognized') {
    log.warn('RunComfy sent a status that is not known here; reading on', {
      requestId: question.requestId,
      statusWord,
    });
  }
  const since = (time: string | undefined) => (time === undefined ? 0 : (readAt.getTime() - Date.parse(time)) / 1000);
  const nextReadInMs = waiting.nextReadInMs({
    model: question.model,
    workKey: question.workKey,
    waited: since(question.submittedAt),
    running: status === 'in_progress' ? since(question.startedAt) : undefined,
    runningAtMost: since(question.lastQueuedAt ?? question.submittedAt),
    secondsPerRead: secondsPerReadOf(question.waiting),
  });
  return {
    status,
    ...(status === 'unrecognized' && { statusWord }),
    ...(queuePosition !== undefined && { queuePosition }),
    reads: 0,
    readAt: readAt.toISOString(),
    nextReadInMs,
    ...(question.wantsSearchAttributes && { searchAttributes: searchAttributes() }),
  };
}
