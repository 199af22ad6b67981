import { GenerationError, type PipelineHandle, type PipelineResult } from '../../../client/index.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { catchInterrupts, type Interrupts } from '../../interrupts.ts';
import { ownCommand } from '../../own-command.ts';
import type { Printer } from '../../printing/printer.ts';
import { type Followed, followToEnd, leaveUnreadable } from '../../wait-for-end.ts';
import { createPipelineProgress } from './progress.ts';

/**
 * Waits for the end of a pipeline with live progress of every step. The first Ctrl-C asks it to cancel; the second
 * stops waiting and leaves it running. Waiting also stops if there is no worker, or if the state cannot be read here. A
 * decision that is needed is announced once.
 */
export async function waitForPipeline(
  { client }: ConnectedGenerations,
  pipeline: PipelineHandle,
  { printer }: Pick<CommandContext, 'printer'>,
  interrupts: Interrupts = catchInterrupts(),
): Promise<PipelineResult> {
  const followed: Followed<PipelineResult> = {
    key: pipeline.key,
    result: (options) => pipeline.result(options),
    cancel: () => pipeline.cancel({ reason: 'Ctrl-C at the command line' }),
    cancelling: 'asking every order to cancel … (Ctrl-C again leaves the pipeline to itself)',
    detached: pipelineDetached,
    showProgress: (signal, leave) => showProgress(pipeline, printer, signal, leave),
  };
  return await followToEnd(client, followed, printer, interrupts);
}

/** The error for a pipeline that goes on without this command; it says how to come back to it. */
export function pipelineDetached(key: string): GenerationError {
  const message = `pipeline "${key}" goes on without this command: \`${ownCommand('pipeline result', key)}\` waits for it again`;
  return new GenerationError({ type: 'StillRunning', message, key });
}

async function showProgress(
  pipeline: PipelineHandle,
  printer: Printer,
  signal: AbortSignal,
  leave: (error: Error) => void,
): Promise<void> {
  const progress = createPipelineProgress(pipeline.key, printer);
  signal.addEventListener('abort', progress.stop);
  try {
    for await (const state of pipeline.watch({ signal })) progress.show(state);
  } catch (error) {
    leaveUnreadable(error, leave);
  } finally {
    progress.stop();
  }
}
