import { once } from 'node:events';
import { GenerationError, type PipelineHandle, type PipelineResult } from '../../../client/index.ts';
import { messageOf } from '../../../domain/text.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { catchInterrupts, type Interrupts } from '../../interrupts.ts';
import { ownCommand } from '../../own-command.ts';
import { describeOutcome } from '../../printing/pretty.ts';
import type { Printer } from '../../printing/printer.ts';
import { leaveAtStandstill } from '../../wait-for-end.ts';
import { createPipelineProgress } from './progress.ts';

/**
 * Waits for the end of a pipeline with live progress of every step. The first Ctrl-C asks it to cancel, the second leaves
 * it to itself; so does the lack of a worker. What a person has to decide is said once.
 */
export async function waitForPipeline(
  { client }: ConnectedGenerations,
  pipeline: PipelineHandle,
  { printer }: Pick<CommandContext, 'printer'>,
  interrupts: Interrupts = catchInterrupts(),
): Promise<PipelineResult> {
  const stop = new AbortController();
  const { signal } = stop;
  const left = once(signal, 'abort');
  const leave = (error: Error) => {
    stop.abort(error);
  };
  let cancelling: Promise<void> | undefined;
  interrupts.answer({
    onFirst: () => {
      cancelling = cancelAloud(pipeline, printer);
    },
    onDetach: () => {
      leave(pipelineDetached(pipeline.key));
    },
  });
  const beside = [showProgress(pipeline, printer, signal), leaveAtStandstill(client, pipeline.key, signal, leave)];
  try {
    return await pipeline.result({ signal });
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

/** The pipeline goes on without us; the message says how to come back to it. */
export function pipelineDetached(key: string): GenerationError {
  const message = `pipeline "${key}" goes on without this command: \`${ownCommand('pipeline result', key)}\` waits for it again`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

async function cancelAloud(pipeline: PipelineHandle, printer: Printer): Promise<void> {
  printer.note('asking every order to cancel … (Ctrl-C again leaves the pipeline to itself)');
  try {
    const { outcome } = await pipeline.cancel({ reason: 'Ctrl-C at the command line' });
    printer.note(`${outcome}: ${describeOutcome(outcome)}`);
  } catch (error) {
    printer.note(`the cancel could not be delivered: ${messageOf(error)}`);
  }
}

async function showProgress(pipeline: PipelineHandle, printer: Printer, signal: AbortSignal): Promise<void> {
  const progress = createPipelineProgress(pipeline.key, printer);
  signal.addEventListener('abort', progress.stop);
  try {
    for await (const state of pipeline.watch({ signal })) progress.show(state);
  } catch {
    // Whoever awaits the result hears of everything that matters.
  } finally {
    progress.stop();
  }
}
