import { setTimeout as sleep } from 'node:timers/promises';
import { GenerationError, type GenerationHandle, type KnownState } from '../client/index.ts';
import { findUnattendedQueues, noWorker } from '../client/operator/index.ts';
import type { GenerationResult } from '../domain/generation.ts';
import { messageOf } from '../domain/text.ts';
import type { CommandContext, ConnectedGenerations } from './command-context.ts';
import { catchInterrupts, type Interrupts } from './interrupts.ts';
import { ownCommand } from './own-command.ts';
import { progressLine } from './pretty-state.ts';
import { describeOutcome } from './pretty.ts';
import type { Printer } from './printer.ts';

/** A worker that is just starting gets this long. */
const workerGraceMs = 6_000;
/** A request id whose worker could not report it still arrives within this time. */
const unknownGraceMs = 45_000;
const redrawEveryMs = 1_000;

/**
 * Waits for the end of a generation with live progress. The first Ctrl-C asks RunComfy to cancel, the second leaves the
 * generation to itself; so does a submission that stays unknown, and the lack of a worker.
 */
export async function waitForEnd(
  { client }: ConnectedGenerations,
  handle: GenerationHandle,
  context: Pick<CommandContext, 'printer' | 'followed'>,
  interrupts: Interrupts = catchInterrupts(),
): Promise<GenerationResult> {
  const { printer } = context;
  const stop = new AbortController();
  const { signal } = stop;
  const leave = (error: Error) => {
    stop.abort(error);
  };
  interrupts.answer({
    onFirst: () => void cancelAloud(handle, printer),
    onDetach: () => {
      leave(detached(handle.key));
    },
  });
  const beside = [showProgress(handle, context, signal, leave), leaveWithoutWorker(client, handle.key, signal, leave)];
  try {
    return await handle.result({ signal });
  } finally {
    interrupts.stop();
    stop.abort();
    // A connection must not be closed while calls are under way.
    await Promise.all(beside);
    printer.endProgress();
  }
}

/** The generation goes on without us; the message says how to come back to it. */
export function detached(key: string): GenerationError {
  const message = `generation "${key}" goes on without this command: \`${ownCommand('result', key)}\` waits for it again`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

async function cancelAloud(handle: GenerationHandle, printer: Printer): Promise<void> {
  printer.note('asking RunComfy to cancel … (Ctrl-C again leaves the generation to itself)');
  try {
    const { outcome } = await handle.cancel('Ctrl-C at the command line');
    printer.note(`${outcome}: ${describeOutcome(outcome)}`);
  } catch (error) {
    printer.note(`the cancel could not be delivered: ${messageOf(error)}`);
  }
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
    for await (const state of handle.watch({ signal })) {
      last = state;
      if (context.followed) context.followed.requestId = state.requestId ?? context.followed.requestId;
      unknownSince = state.phase === 'submission_unknown' ? (unknownSince ?? Date.now()) : undefined;
      draw();
    }
  } catch {
    // Whoever awaits the result hears of everything that matters.
  } finally {
    clearInterval(redraw);
  }
}

async function leaveWithoutWorker(
  client: ConnectedGenerations['client'],
  key: string,
  signal: AbortSignal,
  leave: (error: Error) => void,
): Promise<void> {
  try {
    await sleep(workerGraceMs / 2, undefined, { signal });
    if ((await findUnattendedQueues(client, key)).length === 0) return;
    await sleep(workerGraceMs / 2, undefined, { signal });
    const [queue] = await findUnattendedQueues(client, key);
    if (queue !== undefined) leave(noWorker(key, queue));
  } catch {
    // Aborted, or Temporal is away for the moment: then nothing is known about workers.
  }
}

function submissionUnknown(key: string, state: KnownState | undefined): GenerationError {
  const decide = (...flags: string[]) => `\`${ownCommand('resolve', key, ...flags)}\``;
  const evidence = state?.evidence?.note === undefined ? '' : ` Evidence: ${state.evidence.note}`;
  const message =
    `it is unknown whether RunComfy accepted generation "${key}", so it is held. Look at RunComfy's dashboard, then ` +
    `${decide('--adopt', 'REQUEST_ID')} if the request is there, ${decide('--resubmit')} to send it again (possibly a second bill), ` +
    `or ${decide('--abandon')}.${evidence}`;
  return new GenerationError({
    type: 'SubmitOutcomeUnknown',
    message,
    key,
    model: state?.model,
    phase: 'submission_unknown',
    submission: 'unknown',
  });
}
