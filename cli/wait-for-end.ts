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

/** What stands still is looked at so often: a worker that is just starting gets this long twice. */
const workerGraceMs = 3_000;
/** What goes on is looked at ever less often, down to this. */
const slowestLookMs = 30_000;
/** A request id whose worker could not report it still arrives within this time. */
const unknownGraceMs = 45_000;
const redrawEveryMs = 1_000;

/**
 * Waits for the end of a generation with live progress. The first Ctrl-C asks RunComfy to cancel, the second leaves the
 * generation to itself; so does a submission that stays unknown, a lack of workers that can go on with it, and a state
 * that cannot be read here.
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

/** The generation goes on without us; the message says how to come back to it. */
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

/** What cannot be read here now could not be read at the end either; of the rest, whoever awaits the result hears. */
export function leaveUnreadable(error: unknown, leave: (error: Error) => void): void {
  if (isGenerationError(error) && error.type === 'Undecodable') leave(error);
}

/** What a command waits for, and shows meanwhile. */
export interface Followed<Result> {
  key: string;
  result: (options: { signal: AbortSignal }) => Promise<Result>;
  cancel: () => Promise<{ outcome: CancelOutcome }>;
  /** Said when a cancel is asked for. */
  cancelling: string;
  /** What goes on without this command. */
  detached: (key: string) => Error;
  /** Ends with the signal; `leave` ends the waiting with an error. */
  showProgress: (signal: AbortSignal, leave: (error: Error) => void) => Promise<void>;
}

/** Waits for an end: the first Ctrl-C cancels, the second leaves, and so does a lack of workers that can go on. */
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
    // Whoever leaves waits for no answer; the end may be known before what became of the cancel is.
    await Promise.race([cancelling, left]);
    stop.abort();
    // A connection must not be closed while calls are under way.
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

/** Leaves what no worker goes on with, and says why; it goes on once that is mended. */
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
      // Temporal may be away for the moment: then nothing is known about workers.
      const why = await explainStandstill(client, key).catch(() => 'unknown' as const);
      const isLeft = isLeftAlone(why === 'unknown' ? why : why?.type, Date.now());
      if (isLeft && why !== undefined && why !== 'unknown') leave(why);
      pauseMs = why === undefined ? Math.min(2 * pauseMs, slowestLookMs) : workerGraceMs;
    }
  } catch {
    // The waiting is over.
  }
}
