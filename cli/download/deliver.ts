import type { Command } from 'commander';
import type { GenerationHandle } from '../../client/index.ts';
import type { GenerationOutput, GenerationResult } from '../../domain/generation.ts';
import { loopbackHostOf } from '../../runcomfy/models/index.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { catchInterrupts } from '../interrupts.ts';
import { ownCommand } from '../own-command.ts';
import { prettyResult } from '../printing/pretty.ts';
import { oneLine } from '../printing/printable.ts';
import { downloadOutput, prepareFolder } from './download-output.ts';

export interface DownloadFlags {
  download?: string;
  allowHost?: string[];
}

/** Adds the options for an input. */
export function addInputOptions(command: Command): void {
  command
    .option('--input <json>', "the model's input as a JSON object")
    .option('--input-file <file>', 'the input in a file, - for standard input');
}

/** Adds the options of commands that end with a result. */
export function addDownloadOptions(command: Command): void {
  command
    .option('--download <dir>', 'save the output files into this directory')
    .option(
      '--allow-host <host>',
      "with --download: a host (or host:port) beside RunComfy's own to take files from; can be repeated",
      (host: string, hosts: string[] | undefined) => [...(hosts ?? []), host],
    );
}

/** Checks the download flags and the folder before anything is paid; throws if something is wrong. */
export async function prepareDownload({ download, allowHost }: DownloadFlags): Promise<void> {
  if (download !== undefined) return prepareFolder(download);
  if (allowHost !== undefined) throw new CliError('Usage', '--allow-host is of use with --download DIR only');
}

/** The command that prints a result, and downloads its files, once more. */
export function resultCommand(key: string, { download, allowHost = [] }: DownloadFlags): string {
  const flags = download === undefined ? [] : ['--download', download];
  return ownCommand('result', key, ...flags, ...allowHost.flatMap((host) => ['--allow-host', host]));
}

/**
 * Prints exactly what the workflow returned, then downloads the files if asked to. A failed download does not hide the
 * result.
 */
export async function deliver(
  context: CommandContext,
  { key }: GenerationHandle,
  result: GenerationResult,
  flags: DownloadFlags,
): Promise<ExitCode> {
  context.followed = { key, requestId: result.requestId, command: resultCommand(key, flags) };
  context.printer.print(result, () => prettyResult(result, key));
  await saveFiles(context, result.output, flags);
  return exitCodes.done;
}

/** Like `trySaveFiles`, for the only output of a command: throws `DownloadFailed` on every failure. */
export async function saveFiles(
  context: Pick<CommandContext, 'config' | 'printer'>,
  output: GenerationOutput,
  flags: DownloadFlags,
): Promise<void> {
  const failure = await trySaveFiles(context, output, flags);
  if (failure) throw failure;
}

/**
 * Saves the files of an output if asked to, through the configured proxies. An interrupt leaves no partial files and
 * throws `DownloadFailed`. If files could not be downloaded, returns that failure, since those of another output still
 * may be.
 */
export async function trySaveFiles(
  { config, printer }: Pick<CommandContext, 'config' | 'printer'>,
  output: GenerationOutput,
  { download, allowHost = [] }: DownloadFlags,
): Promise<CliError | undefined> {
  if (download === undefined) return undefined;
  const { modelApiBase, proxies } = config();
  // Allows a simulator's files, which are served next to its API on this machine.
  const ownHost = [loopbackHostOf(modelApiBase)].filter((host) => host !== undefined);
  const stop = new AbortController();
  const interrupts = catchInterrupts();
  const breakOff = () => {
    stop.abort();
  };
  interrupts.answer({ onFirst: breakOff, onDetach: breakOff });
  try {
    await downloadOutput(output, {
      directory: download,
      allowedHosts: [...allowHost, ...ownHost],
      proxies: proxies?.urls(),
      signal: stop.signal,
      onSaved: (path) => {
        printer.note(`saved ${oneLine(path)}`);
      },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof CliError) || stop.signal.aborted) throw error;
    return error;
  } finally {
    interrupts.stop();
  }
}
