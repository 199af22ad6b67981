import {
  type BatchHandle,
  type BatchResult,
  GenerationError,
  type GenerationErrorType,
  type KnownBatchState,
} from '../../../client/index.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';
import { catchInterrupts, type Interrupts } from '../../interrupts.ts';
import { ownCommand } from '../../own-command.ts';
import { leaveAtStandstill, leaveUnreadable } from '../../wait-for-end.ts';
import { batchLine, batchMark } from './pretty-batch.ts';
import { warnOfRetention } from './warn-of-retention.ts';

const redrawEveryMs = 1_000;

/**
 * Waits for the end of a batch with live progress. Ctrl-C stops waiting and leaves the batch running, since it does not
 * belong to the shell. Waiting also stops, with an error, at a pause that only a person can end and if the state cannot
 * be read here. `signal` ends the wait with its reason.
 */
export async function waitForBatch(
  { client }: ConnectedGenerations,
  batch: BatchHandle,
  { printer }: Pick<CommandContext, 'printer'>,
  { interrupts = catchInterrupts(), signal: given }: { interrupts?: Interrupts; signal?: AbortSignal } = {},
): Promise<BatchResult> {
  const stop = new AbortController();
  const { signal } = stop;
  const leave = (error: Error) => {
    stop.abort(error);
  };
  const giveUp = () => {
    stop.abort(given?.reason);
  };
  if (given?.aborted) giveUp();
  given?.addEventListener('abort', giveUp);
  const detach = () => {
    leave(batchDetached(batch.key));
  };
  interrupts.answer({ onFirst: detach, onDetach: detach });
  const since = Date.now();
  const follow = async () => {
    let last: KnownBatchState | undefined;
    let isWarned = false;
    const draw = () => {
      if (last && !signal.aborted) printer.progress(batchLine(last, Date.now() - since), batchMark(last));
    };
    const redraw = setInterval(draw, redrawEveryMs);
    try {
      for await (const state of batch.watch({ signal })) {
        last = state;
        draw();
        const paused = pausedForGood(batch.key, state);
        if (paused) leave(paused);
        if (isWarned || state.rate?.etaAt === undefined) continue;
        isWarned = true;
        await warnOfRetention(client, { printer }, state);
      }
    } catch (error) {
      leaveUnreadable(error, leave);
    } finally {
      clearInterval(redraw);
    }
  };
  const beside = [follow(), leaveAtStandstill(client, batch.key, signal, leave)];
  try {
    return await batch.result({ signal });
  } finally {
    interrupts.stop();
    stop.abort();
    // The connection must not be closed while calls are in flight.
    await Promise.all(beside);
    printer.endProgress();
  }
}

/** The exit code for the end of a batch. */
export function exitCodeOfBatch({ phase }: Pick<BatchResult, 'phase'>): ExitCode {
  if (phase === 'succeeded') return exitCodes.done;
  return phase === 'partial' ? exitCodes.partial : exitCodes.generationFailed;
}

/** The error for a batch that goes on without this command; it says how to come back to it. */
export function batchDetached(key: string): GenerationError {
  const message = `batch "${key}" goes on without this command: \`${ownCommand('batch watch', key)}\` shows it again, \`${ownCommand('batch cancel', key)}\` stops it`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

/** The error for a batch with only part of its items; it goes on, and the message says how to send the rest. */
export function batchUnsent(key: string, again: string): GenerationError {
  const message = `batch "${key}" does not have all of its items: ${again} sends the rest, \`${ownCommand('batch cancel', key)}\` stops it`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

/** The error for a batch with all of its items that may not be sealed yet. */
export function batchUnsealed(key: string): GenerationError {
  const message = `batch "${key}" has all of its items, but may not be sealed yet: \`${ownCommand('batch seal', key)}\` says that no more will come`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

/** The error for a pause that somebody has to end. A pause made by a person is theirs to end and is waited through. */
export function pausedForGood(key: string, { paused, phase }: KnownBatchState): GenerationError | undefined {
  if (phase !== 'paused' || paused === null || paused.reason === 'user') return undefined;
  const type = typeOfPause[paused.reason];
  const message = `batch "${key}" is paused (${paused.reason}${paused.message === undefined ? '' : `: ${paused.message}`}): once that is mended, \`${ownCommand('batch resume', key)}\` goes on`;
  return new GenerationError({ type, message, key });
}

const typeOfPause = {
  failures: 'StillRunning',
  restarted: 'StillRunning',
  budget: 'BudgetExceeded',
  max_cost: 'BudgetExceeded',
  balance: 'InsufficientBalance',
  unauthenticated: 'Unauthenticated',
} as const satisfies Record<string, GenerationErrorType>;
