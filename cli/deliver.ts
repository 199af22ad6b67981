import type { Command } from 'commander';
import type { GenerationHandle } from '../client/index.ts';
import type { GenerationOutput, GenerationResult } from '../domain/generation.ts';
import { loopbackHostOf } from '../runcomfy/models/index.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { downloadOutput, prepareFolder } from './download-output.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { catchInterrupts } from './interrupts.ts';
import { ownCommand } from './own-command.ts';
import { prettyResult } from './printing/pretty.ts';
import { oneLine } from './printing/printable.ts';

export interface DownloadFlags {
  download?: string;
  allowHost?: string[];
}

/** The options by which an input is given. */
export function addInputOptions(command: Command): void {
  command
    .option('--input <json>', "the model's input as a JSON object")
    .option('--input-file <file>', 'the input in a file, - for standard input');
}

/** The options of commands that end with a result. */
export function addDownloadOptions(command: Command): void {
  command
    .option('--download <dir>', 'save the output files into this directory')
    .option(
      '--allow-host <host>',
      "with --download: a host (or host:port) beside RunComfy's own to take files from; can be repeated",
      (host: string, hosts: string[] | undefined) => [...(hosts ?? []), host],
    );
}

/** Says at once what is wrong with the flags of a download, and with the folder: before anything is paid. */
export async function prepareDownload({ download, allowHost }: DownloadFlags): Promise<void> {
  if (download !== undefined) return prepareFolder(download);
  if (allowHost !== undefined) throw new CliError('Usage', '--allow-host is of use with --download DIR only');
}

/** The command that gets a result, and its files, once more. */
export function resultCommand(key: string, { download, allowHost = [] }: DownloadFlags): string {
  const flags = download === undefined ? [] : ['--download', download];
  return ownCommand('result', key, ...flags, ...allowHost.flatMap((host) => ['--allow-host', host]));
}

/** Prints exactly what the workflow returned, then downloads the files where asked to: no fault of these hides it. */
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

/** As `trySaveFiles`, where no more output comes: `DownloadFailed` is thrown whatever it was. */
export async function saveFiles(
  context: Pick<CommandContext, 'config' | 'printer'>,
  output: GenerationOutput,
  flags: DownloadFlags,
): Promise<void> {
  const failure = await trySaveFiles(context, output, flags);
  if (failure) throw failure;
}

/**
 * Saves the files of an output where asked to, by the proxies that are set; an interrupt leaves nothing half, and is thrown
 * as `DownloadFailed`. Files that could not be had are the failure that is returned: those of another output may be.
 */
export async function trySaveFiles(
  { config, printer }: Pick<CommandContext, 'config' | 'printer'>,
  output: GenerationOutput,
  { download, allowHost = [] }: DownloadFlags,
): Promise<CliError | undefined> {
  if (download === undefined) return undefined;
  const { modelApiBase, proxies } = config();
  // A simulator's files are where its API is: on this machine, and nobody was asked to go elsewhere.
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
