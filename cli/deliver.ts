import type { Command } from 'commander';

import type { GenerationHandle } from '../client/index.ts';
import type { GenerationResult } from '../domain/generation.ts';

import type { CommandContext } from './command-context.ts';
import { downloadOutput } from './download-output.ts';
import { exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { prettyResult } from './pretty.ts';

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

/** Downloads the files where asked to, then prints exactly what the workflow returned. */
export async function deliver(
  { printer }: CommandContext,
  { key }: GenerationHandle,
  result: GenerationResult,
  { download, allowHost }: DownloadFlags,
): Promise<ExitCode> {
  if (download !== undefined) {
    const paths = await downloadOutput(result.output, { directory: download, allowedHosts: allowHost });
    for (const path of paths) printer.note(`saved ${path}`);
  }
  printer.print(result, () => prettyResult(result, key));
  return exitCodes.done;
}
