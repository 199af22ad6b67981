import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { GenerationError } from '../errors.ts';
import { grpcCodeOf, isBusy, isOutOfTime } from '../grpc.ts';
import { updateOfCall } from './one-call.ts';
import { signalChain, supersededRun } from './one-chain.ts';
import { type Message, sendUpdate, type UpdatePatience } from './send-update.ts';

/**
 * The outcome of a wish: the workflow's answer; `taken`: a worker has it and has not answered yet; `left`: it waits for
 * a worker; `over`: the workflow has ended. `isHeard`: it may have received the wish before its end; `runId`: its last
 * run, if the key has a later one.
 */
export type WishReply<Reply> =
  { answer: Reply } | 'taken' | 'left' | { over: unknown; isHeard: boolean; runId?: string };

/**
 * Sends a wish as an update. If no worker takes it in time, or Temporal is busy, the wish is left as a signal of the
 * same name, which needs no worker.
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
    const refused = refusedWish(error, key);
    if (refused) throw refused;
    if (isOver(error)) return await overBy(error, isTaken || isRepeated);
    // Once the workflow has accepted the update, an error of Temporal does not undo it.
    if (isTaken && grpcCodeOf(error) !== undefined) return 'taken';
    // The deadline passed, the workflow's tasks fail, or the run is paused or about to close: Temporal accepts a signal
    // even then.
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

/** What the wish itself says is refused by a workflow that goes on. */
function refusedWish(error: unknown, key: string): GenerationError | undefined {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure) || cause.type !== 'InvalidInput') return undefined;
  const { issues } = readFailureDetails(cause);
  return new GenerationError({ type: 'InvalidInput', message: cause.message, key, issues, cause: error });
}

function isOver(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError;
}
