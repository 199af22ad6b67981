import { log } from '@temporalio/activity';
import type { Activities, StatusQuestion } from '../domain/activities.ts';
import { nextReadInMs } from '../domain/read-schedule.ts';
import type { ActivityDeps } from './index.ts';
import { readingAttempt } from './reading.ts';

/** `GET /requests/{id}/status`: where the work stands and when to look again. */
export function createReadStatus({ runcomfy, tally, searchAttributes }: ActivityDeps): Activities['readStatus'] {
  return (question) =>
    readingAttempt(tally, question.requestId, async ({ count }) => {
      count.add();
      const { status, statusWord, queuePosition } = await runcomfy.status(question.requestId);
      const readAt = new Date();
      if (status === 'unrecognized' && question.lastStatus !== 'unrecognized') {
        log.warn('RunComfy sent a status that is not known here; reading on', {
          requestId: question.requestId,
          statusWord,
        });
      }
      return {
        status,
        ...(status === 'unrecognized' && { statusWord }),
        ...(queuePosition !== undefined && { queuePosition }),
        reads: count.report(),
        readAt: readAt.toISOString(),
        nextReadInMs: nextReadInMs(waitedMs(question, readAt)),
        ...(question.wantsSearchAttributes && { searchAttributes: searchAttributes() }),
      };
    });
}

function waitedMs({ submittedAt }: StatusQuestion, now: Date): number {
  return submittedAt === undefined ? 0 : now.getTime() - Date.parse(submittedAt);
}
