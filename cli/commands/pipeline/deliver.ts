import type { PipelineResult } from '../../../client/index.ts';
import type { CommandContext } from '../../command-context.ts';
import { type DownloadFlags, saveFiles } from '../../download/deliver.ts';
import { urlsIn } from '../../download/urls-in.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';
import { ownCommand } from '../../own-command.ts';
import { fields } from '../../printing/pretty.ts';

/** The command that prints a result, and downloads its files, once more. */
export function pipelineResultCommand(key: string, { download, allowHost = [] }: DownloadFlags): string {
  const flags = download === undefined ? [] : ['--download', download];
  return ownCommand('pipeline result', key, ...flags, ...allowHost.flatMap((host) => ['--allow-host', host]));
}

/** Prints exactly what the workflow returned, then downloads the files of its outputs if asked to. */
export async function deliverPipeline(
  context: Pick<CommandContext, 'config' | 'printer'>,
  result: PipelineResult,
  flags: DownloadFlags,
): Promise<ExitCode> {
  context.printer.print(result, () => prettyResult(result));
  await saveFiles(context, { images: urlsIn(result.outputs), videos: [], audios: [] }, flags);
  return result.phase === 'partial' ? exitCodes.partial : exitCodes.done;
}

function prettyResult({ key, phase, outputs, steps, costUsd }: PipelineResult): string {
  const ended = Object.entries(steps).map(([id, step]): [string, string] => [
    id,
    `${step.phase.replaceAll('_', ' ')}${step.reused ? ' (reused)' : ''}`,
  ]);
  const named = Object.entries(outputs).flatMap(([name, value]) =>
    urlsIn(value).map((url): [string, string] => [name, url]),
  );
  return fields([...named, ['phase', phase], ['cost', `$${String(costUsd)}`], ...ended, ['key', key]]);
}
