import { type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { grpcCodeOf, isBusy, isOutOfTime } from '../grpc.ts';
import { updateOfCall } from './one-call.ts';
import { signalChain, supersededRun } from './one-chain.ts';
import { type Message, sendUpdate, type UpdatePatience } from './send-update.ts';

/**
 * What came of a wish: the workflow's answer; `taken`: a worker has it and has not answered; `left`: it waits for one;
 * `over`: the workflow has ended, and may have heard it before, or not; `runId` is its last run where the key has a later one.
 */
export type WishReply<Reply> =
  { answer: Reply } | 'taken' | 'left' | { over: unknown; isHeard: boolean; runId?: string };

/**
 * Sends a wish as an update. Where no worker takes that in time, or Temporal has no time for it, the wish is left as a
 * signal of the same name, which needs no worker.
 */
export async function sendWish<Reply>(
  client: Client,
  key: string,
  wish: Message,
  patience: UpdatePatience,
): Promise<WishReply<Reply>> {
  const { name, message } = wish;
  const { isRepeated } = updateOfCall(key, name, message);
  const overBy = async (over: unknown, isHeard: boolean) => {
    const runId = await supersededRun(client, key);
    return { over, isHeard, ...(runId !== undefined && { runId }) };
  };
  const reply = await sendUpdate<Reply>(client, key, wish, patience);
  if (reply !== 'unattended') {
    if ('answer' in reply) return reply;
    const { error, isTaken } = reply;
    if (isOver(error)) return await overBy(error, isTaken || isRepeated);
    // Once it is taken, no trouble of Temporal's undoes it.
    if (isTaken && grpcCodeOf(error) !== undefined) return 'taken';
    // Deadline passed, the workflow's tasks fail, the run is paused or busy closing: a signal is taken all the same.
    if (!isOutOfTime(error) && !isBusy(error)) throw error;
  }
  try {
    await signalChain(client, key, name, message);
    return 'left';
  } catch (error) {
    if (isOver(error)) return await overBy(error, isRepeated);
    throw error;
  }
}

function isOver(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError;
}
