import { ServiceError } from '@temporalio/client';
import { isOutOfTime } from '../../client/grpc.ts';
import { messageOf } from '../../domain/text.ts';
import { hangMs } from './patience.ts';

/** On a machine that has much to do, a worker may leave a query, or the task before it, unanswered for the 10 s that it is given. */
export async function untilAnswered<Answer>(query: () => Promise<Answer>): Promise<Answer> {
  const giveUpAt = Date.now() + hangMs;
  for (;;) {
    try {
      return await query();
    } catch (error) {
      if (Date.now() > giveUpAt || !(isOutOfTime(error) || isTaskLate(error))) throw error;
    }
  }
}

/** A task that has failed for good is found when the histories are checked. */
function isTaskLate(error: unknown): boolean {
  return error instanceof ServiceError && messageOf(error.cause).includes('Workflow Task in failed state');
}
