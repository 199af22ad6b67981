import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { GenerationError, type GenerationHandle, isGenerationError, type KnownState } from '../client/index.ts';
import { explainStandstill } from '../client/operator/index.ts';
import type { CancelOutcome, GenerationResult } from '../domain/generation.ts';
import { messageOf } from '../domain/text.ts';
import type { CommandContext, ConnectedGenerations } from './command-context.ts';
import { catchInterrupts, type Interrupts } from './interrupts.ts';
import { ownCommand } from './own-command.ts';
import { progressLine } from './printing/pretty-state.ts';
import { describeOutcome } from './printing/pretty.ts';
import type { Printer } from './printing/printer.ts';
import { judgeStandstill } from './standstill.ts';
import { submissionUnknown } from './unknown-submission.ts';

/** How often a standstill is checked. A worker that is just starting gets this long twice. */
const workerGraceMs = 3_000;
/** Longest interval between checks. It grows up to this while work goes on. */
const slowestLookMs = 30_000;
/** A request id that a worker could not report still arrives within this time. */
const unknownGraceMs = 45_000;
const redrawEveryMs = 1_000;

/**
 * Waits for the end of a generation with live progress. The first Ctrl-C asks RunComfy to cancel; the second stops
 * waiting and leaves the generation running. Waiting also stops if the submission stays unknown, if no worker can go on
 * with it, or if its state cannot be read here.
 */
export async function waitForEnd(
  { client }: ConnectedGenerations,
  handle: GenerationHandle,
  context: Pick<CommandContext, 'printer' | 'followed'>,
  interrupts: Interrupts = catchInterrupts(),
): Promise<GenerationResult> {
  const followed: Followed<GenerationResult> = {
    key: handle.key,
    result: (options) => handle.result(options),
    cancel: () => handle.cancel('Ctrl-C at the command line'),
    cancelling: 'asking RunComfy to cancel … (Ctrl-C again leaves the generation to itself)',
    detached,
    showProgress: (signal, leave) => showProgress(handle, context, signal, leave),
  };
  return await followToEnd(client, followed, context.printer, interrupts);
}

/** The error for a generation that goes on without this command; it says how to come back to it. */
export function detached(key: string): GenerationError {
  const message = `generation "${key}" goes on without this command: \`${ownCommand('result', key)}\` waits for it again`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

async function showProgress(
  handle: GenerationHandle,
  context: Pick<CommandContext, 'printer' | 'followed'>,
  signal: AbortSignal,
  leave: (error: Error) => void,
): Promise<void> {
  const { printer } = context;
  const since = Date.now();
  let last: KnownState | undefined;
  let unknownSince: number | undefined;
  const draw = () => {
    if (signal.aborted) return;
    if (last) printer.progress(progressLine(last, Date.now() - since), last.phase);
    if (unknownSince !== undefined && Date.now() - unknownSince > unknownGraceMs)
      leave(submissionUnknown(handle.key, last));
  };
  const redraw = setInterval(draw, redrawEveryMs);
  signal.addEventListener('abort', () => {
    clearInterval(redraw);
  });
  try {
    for await (const state of handle.watch({ signal, isPerson: printer.isRead })) {
      last = state;
      if (context.followed) context.followed.requestId = state.requestId ?? context.followed.requestId;
      unknownSince = state.phase === 'submission_unknown' ? (unknownSince ?? Date.now()) : undefined;
      draw();
    }
  } catch (error) {
    leaveUnreadable(error, leave);
  } finally {
    clearInterval(redraw);
  }
}

/**
 * Stops waiting if the state cannot be decoded here, since the result could not be either. Other errors reach the
 * caller with the result.
 */
export function leaveUnreadable(error: unknown, leave: (error: Error) => void): void {
  if (isGenerationError(error) && error.type === 'Undecodable') leave(error);
}

/** What a command waits for and shows in the meantime. */
export interface Followed<Result> {
  key: string;
  result: (options: { signal: AbortSignal }) => Promise<Result>;
  cancel: () => Promise<{ outcome: CancelOutcome }>;
  /** Shown when a cancel is requested. */
  cancelling: string;
  /** The error for work that goes on without this command. */
  detached: (key: string) => Error;
  /** Runs until the signal; `leave` stops the waiting with an error. */
  showProgress: (signal: AbortSignal, leave: (error: Error) => void) => Promise<void>;
}

/**
 * Waits for the end. The first Ctrl-C cancels; the second stops waiting, as does the lack of workers that can go on.
 */
export async function followToEnd<Result>(
  client: ConnectedGenerations['client'],
  followed: Followed<Result>,
  printer: Printer,
  interrupts: Interrupts,
): Promise<Result> {
  const { key } = followed;
  const stop = new AbortController();
  const { signal } = stop;
  const left = once(signal, 'abort');
  const leave = (error: Error) => {
    stop.abort(error);
  };
  let cancelling: Promise<void> | undefined;
  interrupts.answer({
    onFirst: () => {
      cancelling = cancelAloud(followed, printer);
    },
    onDetach: () => {
      leave(followed.detached(key));
    },
  });
  const beside = [followed.showProgress(signal, leave), leaveAtStandstill(client, key, signal, leave)];
  try {
    return await followed.result({ signal });
  } finally {
    // A second Ctrl-C does not wait for the answer of the cancel. Otherwise the end may be known before that answer.
    await Promise.race([cancelling, left]);
    stop.abort();
    // The connection must not be closed while calls are in flight.
    await Promise.all(beside);
    interrupts.stop();
    printer.endProgress();
  }
}

async function cancelAloud({ cancel, cancelling }: Followed<unknown>, printer: Printer): Promise<void> {
  printer.note(cancelling);
  try {
    const { outcome } = await cancel();
    printer.note(`${outcome}: ${describeOutcome(outcome)}`);
  } catch (error) {
    printer.note(`the cancel could not be delivered: ${messageOf(error)}`);
  }
}

/** Stops waiting if no worker goes on with the work, and says why; the work continues once that is fixed. */
export async function leaveAtStandstill(
  client: ConnectedGenerations['client'],
  key: string,
  signal: AbortSignal,
  leave: (error: Error) => void,
): Promise<void> {
  const isLeftAlone = judgeStandstill();
  let pauseMs = workerGraceMs;
  try {
    for (;;) {
      await sleep(pauseMs, undefined, { signal });
      // If Temporal is unreachable for the moment, nothing is known about workers.
      const why = await explainStandstill(client, key).catch(() => 'unknown' as const);
      const isLeft = isLeftAlone(why === 'unknown' ? why : why?.type, Date.now());
      if (isLeft && why !== undefined && why !== 'unknown') leave(why);
      pauseMs = why === undefined ? Math.min(2 * pauseMs, slowestLookMs) : workerGraceMs;
    }
  } catch {
    // The waiting is over.
  }
}
