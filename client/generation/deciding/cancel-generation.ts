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

/** How a cancel is asked for. */
export interface CancelOptions {
  /** How long RunComfy's answer is awaited; default 120 s. */
  timeoutMs?: number;
  /** How long a worker is then asked for the state, where the answer did not come; default 12 s. */
  stateTimeoutMs?: number;
  /** The same cancel was asked for before, without an answer: where the generation has ended since, what came of that is told. */
  isRepeated?: boolean;
  /** Ends the waiting for RunComfy's answer sooner; the wish is left all the same. */
  signal?: AbortSignal | undefined;
}

const answerTimeoutMs = 120_000;
const acceptTimeoutMs = 20_000;
const heardTimeoutMs = 3_000;

/**
 * Asks a generation to cancel and tells what became of it. Where the wish is left for a worker to come the outcome is
 * `unknown`; an ended generation answers `too_late`.
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
      // The wish is left, and to say otherwise would be wrong: without a worker few can ask at once, and a call may be lost.
      if (grpcCodeOf(error) === undefined) throw error;
      return readServerState(client, await describeRun(client, key));
    },
  );
  return { outcome: (isTaken ? cancel?.outcome : undefined) ?? 'unknown', phase };
}

/** The generation ended before or while it was asked: only a cancel that it heard can have had an outcome. */
async function replyAfterEnd(
  client: Client,
  key: string,
  {
    isHeard,
    stateTimeoutMs,
    runId,
  }: { isHeard: boolean } & Record<'stateTimeoutMs', number | undefined> & Record<'runId', string | undefined>,
): Promise<CancelReply> {
  // What came of it stands in the state, and is worth a wait.
  const timeoutMs = isHeard && stateTimeoutMs !== undefined ? Math.max(stateTimeoutMs, heardTimeoutMs) : stateTimeoutMs;
  const which = { timeoutMs, ...(runId !== undefined && { runId }) };
  const { cancel, phase } = await readEndOf('generation', { key, runId }, () => readState(client, key, which));
  const outcome = isHeard ? cancel?.outcome : undefined;
  // What was not known while it ran is not learned after its end: whoever repeats the call would ask for ever.
  return { outcome: outcome === undefined || outcome === 'unknown' ? 'too_late' : outcome, phase };
}
