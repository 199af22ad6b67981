import type { Client } from '@temporalio/client';
import type { CancelReply } from '../../../domain/generation.ts';
import { wellFormed } from '../../../domain/text.ts';
import { type CancelMessage, cancelUpdate } from '../../../workflows/generation/messages.ts';
import { grpcCodeOf } from '../../grpc.ts';
import { checkArgument } from '../check-arguments.ts';
import { readState } from '../following/read-state.ts';
import { readServerState } from '../following/server-state.ts';
import { readEndOf } from '../one-chain.ts';
import { describeRun } from '../run-info.ts';
import { sendWish } from '../send-wish.ts';

/** Options of a cancel. */
export interface CancelOptions {
  /** How long to wait for RunComfy's answer; default 120 s. */
  timeoutMs?: number;
  /** How long to wait for a worker to tell the state if that answer did not come; default 12 s. */
  stateTimeoutMs?: number;
  /**
   * The same cancel was requested before and its answer was lost: if the generation has ended since, its outcome is
   * reported.
   */
  isRepeated?: boolean;
  /** Stops the wait for RunComfy's answer early; the cancel request stays in place. */
  signal?: AbortSignal | undefined;
}

const answerTimeoutMs = 120_000;
const acceptTimeoutMs = 20_000;
const heardTimeoutMs = 3_000;

/**
 * Asks a generation to cancel and reports the outcome: `unknown` if the request is left for a worker that is not there
 * yet, `too_late` if the generation had ended.
 */
export async function cancelGeneration(
  client: Client,
  key: string,
  reason?: string,
  { timeoutMs = answerTimeoutMs, stateTimeoutMs, isRepeated = false, signal }: CancelOptions = {},
): Promise<CancelReply> {
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  const message: CancelMessage = reason === undefined ? {} : { reason: wellFormed(reason) };
  const giveUpAt = performance.now() + timeoutMs;
  const reply = await sendWish<CancelReply>(
    client,
    key,
    { name: cancelUpdate.name, message },
    { takenWithinMs: Math.min(timeoutMs, acceptTimeoutMs), answeredBy: () => giveUpAt, signal },
  );
  if (typeof reply === 'object') {
    if ('answer' in reply) return reply.answer;
    const isHeard = reply.isHeard || isRepeated;
    return replyAfterEnd(client, key, { isHeard, stateTimeoutMs, runId: reply.runId });
  }
  const isTaken = reply === 'taken';
  const { cancel, phase } = await readState(client, key, { timeoutMs: stateTimeoutMs }).catch(
    async (error: unknown) => {
      // The request is already in place and this reply must not deny it: without a worker few callers can query at
      // once, and a call may be lost.
      if (grpcCodeOf(error) === undefined) throw error;
      return readServerState(client, await describeRun(client, key));
    },
  );
  return { outcome: (isTaken ? cancel?.outcome : undefined) ?? 'unknown', phase };
}

/**
 * Reply for a generation that ended before or while it was asked: only a cancel that it received can have an outcome.
 */
async function replyAfterEnd(
  client: Client,
  key: string,
  {
    isHeard,
    stateTimeoutMs,
    runId,
  }: { isHeard: boolean } & Record<'stateTimeoutMs', number | undefined> & Record<'runId', string | undefined>,
): Promise<CancelReply> {
  // The outcome is in the state, so it is worth a minimum wait.
  const timeoutMs = isHeard && stateTimeoutMs !== undefined ? Math.max(stateTimeoutMs, heardTimeoutMs) : stateTimeoutMs;
  const which = { timeoutMs, ...(runId !== undefined && { runId }) };
  const { cancel, phase } = await readEndOf('generation', { key, runId }, () => readState(client, key, which));
  const outcome = isHeard ? cancel?.outcome : undefined;
  // An outcome that was unknown at the end stays unknown; `too_late` keeps callers from repeating the call for ever.
  return { outcome: outcome === undefined || outcome === 'unknown' ? 'too_late' : outcome, phase };
}
