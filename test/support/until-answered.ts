import { randomUUID } from 'node:crypto';
import { ServiceError, type WorkflowHandle } from '@temporalio/client';
import { isOutOfTime } from '../../client/grpc.ts';
import { isGenerationError } from '../../client/index.ts';
import { messageOf } from '../../domain/text.ts';
import { createPatience } from './patience.ts';

/**
 * Retries until there is an answer. On a busy machine, a worker may leave a query, or the task before it, unanswered
 * for the 10 s it is given, and a repeatable message for as long as its sender waits for a worker.
 */
export async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const patience = createPatience();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isLate = isOutOfTime(error) || isTaskLate(error) || (isGenerationError(error) && error.type === 'NoWorker');
      if (patience.isOver() || !isLate) throw error;
    }
  }
}

/**
 * Sends an update once and retries until its answer comes: the server may give up on a call whose update it has
 * accepted.
 */
export async function updateUntilAnswered<Answer>(
  handle: Pick<WorkflowHandle, 'executeUpdate'>,
  update: string,
  message: unknown = {},
): Promise<Answer> {
  const options = { args: [message], updateId: randomUUID() } as { args: [unknown]; updateId: string };
  return await untilAnswered(() => handle.executeUpdate<Answer, [unknown]>(update, options));
}

/**
 * Whether a workflow task is merely late. One that failed for good is found when the histories are checked; a busy
 * worker may not poll for 20 s.
 */
function isTaskLate(error: unknown): boolean {
  return (
    error instanceof ServiceError &&
    /Workflow Task in failed state|no poller seen for task queue recently/.test(messageOf(error.cause))
  );
}
