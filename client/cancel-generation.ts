import { randomUUID } from 'node:crypto';

import { isGrpcDeadlineError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client } from '@temporalio/client';

import type { CancelReply } from '../domain/generation.ts';
import { cancelSignal, cancelUpdate } from '../workflows/messages.ts';
import type { CancelOrder } from '../workflows/messages.ts';

import { grpcCode, grpcCodeOf } from './errors.ts';
import { readState } from './read-state.ts';

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
  const handle = client.workflow.getHandle(key);
  const args: [CancelOrder] = [reason === undefined ? {} : { reason }];
  const updateId = `cancel-${randomUUID()}`;
  const giveUpAt = Date.now() + timeoutMs;
  let isHeard = false;
  try {
    const update = await client.withDeadline(Math.min(giveUpAt, Date.now() + acceptTimeoutMs), () =>
      handle.startUpdate<CancelReply, [CancelOrder]>(cancelUpdate.name, {
        args,
        updateId,
        waitForStage: 'ACCEPTED',
      }),
    );
    isHeard = true;
    return await client.withDeadline(giveUpAt, () => update.result());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError) {
      return replyAfterEnd(client, key, isHeard);
    }
    if (!isWithoutAnswer(error)) throw error;
  }
  if (!isHeard) {
    try {
      await handle.signal(cancelSignal, ...args);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return replyAfterEnd(client, key, isHeard);
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

/** Deadline passed, the workflow's tasks fail, the run is paused or busy closing: a signal is taken all the same. */
function isWithoutAnswer(error: unknown): boolean {
  const code = grpcCodeOf(error);
  return (
    isGrpcDeadlineError(error) ||
    code === grpcCode.deadlineExceeded ||
    code === grpcCode.failedPrecondition ||
    code === grpcCode.aborted ||
    code === grpcCode.resourceExhausted
  );
}
