import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import {
  type BatchAddMessage,
  type BatchCancelMessage,
  type BatchCancelReply,
  type BatchPauseMessage,
  type BatchPhase,
  type BatchSetMessage,
  nothingCancelled,
} from '../../../domain/batch/batch.ts';
import { readFailureDetails } from '../../../domain/failure-details.ts';
import { isJsonObject, jsonBytes } from '../../../domain/json.ts';
import { batchMessageNames } from '../../../domain/names.ts';
import { withoutMissing } from '../../../domain/request-checks.ts';
import { pauseSignal, resumeSignal } from '../../../workflows/batch/messages.ts';
import { GenerationError, isGenerationError } from '../../errors.ts';
import { checkArgument } from '../../generation/check-arguments.ts';
import type { CancelOptions } from '../../generation/deciding/cancel-generation.ts';
import { explainStandstill, withoutHearing } from '../../generation/following/standstill.ts';
import { readEndOf } from '../../generation/one-chain.ts';
import { describeRun } from '../../generation/run-info.ts';
import { type Message, sendUpdate } from '../../generation/send-update.ts';
import { sendWish } from '../../generation/send-wish.ts';
import { isOutOfTime } from '../../grpc.ts';
import { unlessLeft } from '../../with-signal.ts';
import { unanswered } from '../batch-errors.ts';
import { readBatchMemo, readBatchState } from '../read-batch-state.ts';

const takenWithinMs = 60_000;
/** Pause before an update that was refused for the moment is sent again. */
const againAfterMs = 500;
const answeredWithinMs = 180_000;
/**
 * Messages above this size are sent one at a time, since Temporal ends a workflow when one of its tasks carries more
 * than 4 MiB of messages. Their update id depends on the content alone, so that one which still waits at the server
 * after its sender has left is the same update as its repetition.
 */
const largeBytes = 256 * 1024;
/** The large messages that are being sent or wait for their turn, by batch. */
const largeUnderWay = new Map<string, Promise<unknown>>();
/** Timeout of a wish; after it the wish is left for the next worker. */
const wishWithinMs = 10_000;
/** Timeout of a cancel: RunComfy is asked for each item in flight, 20 at a time. */
const cancelledWithinMs = 300_000;

/**
 * Adds items after the existing ones. Throws `InvalidInput` if they do not fit there, and `TemporalBusy` if the batch
 * has no room for them within a minute or other large adds of this process are ahead of it for as long. `over` stops
 * the call; `leaving` ends only the wait for its turn and its reply.
 */
export async function addToBatch(
  client: Client,
  key: string,
  message: BatchAddMessage,
  { over, leaving = over }: { over?: AbortSignal | undefined; leaving?: AbortSignal | undefined } = {},
): Promise<{ count: number }> {
  const add = { name: batchMessageNames.add, message };
  if (jsonBytes(message) <= largeBytes) return await addOnceThereIsRoom(client, key, add, over);
  return await oneByOne(client, key, leaving, () => addOnceThereIsRoom(client, key, { ...add, isSameOfAll: true }));
}

async function addOnceThereIsRoom(
  client: Client,
  key: string,
  add: Message,
  over?: AbortSignal,
): Promise<{ count: number }> {
  const giveUpAt = performance.now() + takenWithinMs;
  for (;;) {
    try {
      return await update(client, key, add, over);
    } catch (error) {
      if (!isRefusedForNow(error) || performance.now() + againAfterMs > giveUpAt) throw error;
    }
    await sleep(againAfterMs, undefined, { signal: over }).catch(() => undefined);
    over?.throwIfAborted();
  }
}

/**
 * Sends the large messages of this process one after the other; `leaving` ends the wait, but not a send that is under
 * way.
 */
async function oneByOne<T>(
  client: Client,
  key: string,
  leaving: AbortSignal = new AbortController().signal,
  tell: () => Promise<T>,
): Promise<T> {
  const place = JSON.stringify([client.options.namespace, key]);
  const before = largeUnderWay.get(place);
  const told = (async () => {
    if (before) await takeTurn(key, unlessLeft(leaving, before));
    return await tell();
  })();
  // A call that gives up its turn passes the wait for earlier calls on to later ones.
  const settled = Promise.allSettled([before, told]);
  largeUnderWay.set(place, settled);
  void settled.then(() => {
    if (largeUnderWay.get(place) === settled) largeUnderWay.delete(place);
  });
  return await unlessLeft(leaving, told);
}

/** Waits for earlier calls, for as long as an update waits for a worker. */
async function takeTurn(key: string, before: Promise<unknown>): Promise<void> {
  const late = new AbortController();
  const message = `nothing was sent to batch "${key}": other large messages wait before this one, send it again in a moment`;
  const timer = setTimeout(() => {
    late.abort(new GenerationError({ type: 'TemporalBusy', message, key }));
  }, takenWithinMs);
  try {
    await unlessLeft(late.signal, before);
  } finally {
    clearTimeout(timer);
  }
}

function isRefusedForNow(error: unknown): boolean {
  return isGenerationError(error) && error.type === 'TemporalBusy' && error.cause instanceof WorkflowUpdateFailedError;
}

/** Ends the input: no more items can be added. */
export function sealBatch(client: Client, key: string, over?: AbortSignal): Promise<{ count: number }> {
  return update(client, key, { name: batchMessageNames.seal, message: {} }, over);
}

interface BatchSetReply {
  window: number;
  maxCostUsd: number | null;
}

/**
 * Changes the number of items that may be in flight, and the spending limit; null removes the limit. The removal is
 * sent in a message of its own, which is the only form that workers of every version understand.
 */
export async function setBatch(client: Client, key: string, message: BatchSetMessage): Promise<BatchSetReply> {
  checkArgument('message', isJsonObject(message), 'an object', key);
  const tell = (part: BatchSetMessage) =>
    update<BatchSetReply>(client, key, { name: batchMessageNames.set, message: part });
  const { noMaxCost, ...others } = withoutMissing(message);
  const isLifted = noMaxCost === true || (noMaxCost === undefined && message.maxCostUsd === null);
  if (!isLifted || others.maxCostUsd !== undefined) return await tell(message);
  if (Object.keys(others).length > 0) await tell(others);
  return await tell({ maxCostUsd: null });
}

/** Pauses a batch: it starts no further items until it is resumed. Works without a worker, too. */
export async function pauseBatch(client: Client, key: string, reason?: string): Promise<{ phase: BatchPhase }> {
  return await wish(client, key, pauseSignal.name, because(key, reason), 'paused');
}

/** Resumes a paused batch, whatever caused the pause. Works without a worker, too. */
export async function resumeBatch(client: Client, key: string, reason?: string): Promise<{ phase: BatchPhase }> {
  return await wish(client, key, resumeSignal.name, because(key, reason), 'running');
}

function because(key: string, reason: string | undefined): BatchPauseMessage {
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  return reason === undefined ? {} : { reason };
}

/**
 * Sends a wish and returns the phase that follows. Without a worker the wish is left for the next one, and the phase is
 * the expected one.
 */
async function wish(
  client: Client,
  key: string,
  name: string,
  message: object,
  left: BatchPhase,
): Promise<{ phase: BatchPhase }> {
  const answeredBy = () => performance.now() + wishWithinMs;
  const patience = { takenWithinMs: wishWithinMs, answeredBy };
  const reply = await sendWish<{ phase: BatchPhase }>(client, key, { name, message }, patience);
  if (typeof reply === 'object') {
    if ('answer' in reply) return reply.answer;
    throw ended(key, name, reply.over);
  }
  const { phase } = await readBatchState(client, key);
  return { phase: phase === 'cancelling' ? phase : left };
}

/**
 * Asks everything in flight to cancel and reports the outcomes; throws if a worker does not finish that in time. A
 * batch that has ended returns the outcomes of an earlier cancel, or that nothing was left to cancel.
 */
export async function cancelBatch(
  client: Client,
  key: string,
  message: BatchCancelMessage = {},
  { timeoutMs = cancelledWithinMs, signal: over }: Pick<CancelOptions, 'timeoutMs' | 'signal'> = {},
): Promise<BatchCancelReply> {
  const { reason, detach } = message;
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  checkArgument('detach', detach === undefined || typeof detach === 'boolean', 'true, false or nothing', key);
  const giveUpAt = performance.now() + timeoutMs;
  const reply = await sendWish<BatchCancelReply>(
    client,
    key,
    { name: batchMessageNames.cancel, message },
    { takenWithinMs: Math.min(takenWithinMs, timeoutMs), answeredBy: () => giveUpAt, signal: over },
  );
  if (typeof reply === 'object') {
    if ('answer' in reply) return reply.answer;
    return await replyAfterEnd(client, key, reply.runId);
  }
  throw (reply === 'left' && (await explainStandstill(client, key))) || stillCancelling(key);
}

/** Reply for a batch that ended before it was asked: the outcomes of an earlier cancel are in its state. */
async function replyAfterEnd(client: Client, key: string, runId: string | undefined): Promise<BatchCancelReply> {
  const state = await readEndOf('batch', { key, runId }, () => readBatchState(client, key, { runId }));
  const { phase, cancel, isFromServer } = state;
  if (cancel?.outcome === undefined && isFromServer) {
    const { phase: said } = await readBatchMemo(client, await describeRun(client, key, state.runId));
    if (said === undefined || said === 'cancelling' || said === 'cancelled') throw unanswered(key, 'cancel outcomes');
  }
  return { outcome: cancel?.outcome ?? nothingCancelled, phase };
}

function stillCancelling(key: string): GenerationError {
  const message = `batch "${key}" is being cancelled: what becomes of its items is not known yet`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

async function update<Reply>(client: Client, key: string, told: Message, over?: AbortSignal): Promise<Reply> {
  const { name, message } = told;
  checkArgument('message', typeof message === 'object', 'an object', key);
  const answeredBy = () => performance.now() + answeredWithinMs;
  const reply = await sendUpdate<Reply>(client, key, told, { takenWithinMs, answeredBy, signal: over });
  if (reply !== 'unattended' && 'answer' in reply) return reply.answer;
  over?.throwIfAborted();
  if (reply === 'unattended') throw await withoutHearing(client, key);
  const { error } = reply;
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
    const { issues } = readFailureDetails(error.cause);
    const text = `batch "${key}": ${error.cause.message}`;
    const type = error.cause.type === 'ServiceUnavailable' ? 'TemporalBusy' : 'InvalidInput';
    throw new GenerationError({ type, message: text, key, issues, cause: error });
  }
  if (isOfEnded(error)) {
    throw ended(key, name, error);
  }
  if (isOutOfTime(error)) throw await withoutHearing(client, key);
  throw error;
}

function ended(key: string, name: string, cause: unknown): GenerationError {
  const message = `batch "${key}" has ended: there is nothing to ${name}`;
  return new GenerationError({ type: 'ResolutionRefused', message, key, cause });
}

/** Whether the batch has ended. A key that does not exist at all has been noticed before, when the handle was made. */
function isOfEnded(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || (error instanceof WorkflowUpdateFailedError && !error.cause);
}
