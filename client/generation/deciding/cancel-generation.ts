import { randomUUID } from 'node:crypto';
import { type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { CancelReply } from '../../../domain/generation.ts';
import { wellFormed } from '../../../domain/text.ts';
import { type CancelMessage, cancelSignal, cancelUpdate } from '../../../workflows/generation/messages.ts';
import { grpcCode, grpcCodeOf, isOutOfTime } from '../../grpc.ts';
import { askWorker } from '../ask-worker.ts';
import { checkArgument } from '../check-arguments.ts';
import { readState } from '../following/read-state.ts';

/** How a cancel is asked for. */
export interface CancelOptions {
  /** How long RunComfy's answer is awaited; default 120 s. */
  timeoutMs?: number;
}

const answerTimeoutMs = 120_000;
const acceptTimeoutMs = 20_000;

/**
 * Asks a generation to cancel and tells what became of it. Where no worker takes the update in time the wish is left as a
 * signal, which needs none, and the outcome is `unknown`; an ended generation answers `too_late`.
 */
export async function cancelGeneration(
  client: Client,
  key: string,
  reason?: string,
  { timeoutMs = answerTimeoutMs }: CancelOptions = {},
): Promise<CancelReply> {
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  const handle = client.workflow.getHandle(key);
  const args: [CancelMessage] = [reason === undefined ? {} : { reason: wellFormed(reason) }];
  const updateId = `cancel-${randomUUID()}`;
  const giveUpAt = Date.now() + timeoutMs;
  const accepted = await askWorker(
    client,
    key,
    () =>
      handle.startUpdate<CancelReply, [CancelMessage]>(cancelUpdate.name, { args, updateId, waitForStage: 'ACCEPTED' }),
    { timeoutMs: Math.min(timeoutMs, acceptTimeoutMs) },
  );
  if (accepted !== 'unattended' && 'answer' in accepted) {
    try {
      return await client.withDeadline(giveUpAt, () => accepted.answer.result());
    } catch (error) {
      if (isOver(error)) return replyAfterEnd(client, key, true);
      if (!isWithoutAnswer(error)) throw error;
    }
  } else {
    if (accepted !== 'unattended') {
      if (isOver(accepted.error)) return replyAfterEnd(client, key, false);
      if (!isWithoutAnswer(accepted.error)) throw accepted.error;
    }
    try {
      await handle.signal(cancelSignal, ...args);
    } catch (error) {
      if (isOver(error)) return replyAfterEnd(client, key, false);
      throw error;
    }
  }
  const { phase } = await readState(client, key);
  return { outcome: 'unknown', phase };
}

/** The generation ended before or while it was asked: only a cancel that it heard can have had an outcome. */
async function replyAfterEnd(client: Client, key: string, isHeard: boolean): Promise<CancelReply> {
  const { cancel, phase } = await readState(client, key);
  return {
    outcome: (isHeard ? cancel?.outcome : undefined) ?? 'too_late',
    phase,
  };
}

function isOver(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError;
}

/** Deadline passed, the workflow's tasks fail, the run is paused or busy closing: a signal is taken all the same. */
function isWithoutAnswer(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return (
    isOutOfTime(error) ||
    code === grpcCode.failedPrecondition ||
    code === grpcCode.aborted ||
    code === grpcCode.resourceExhausted
  );
}
