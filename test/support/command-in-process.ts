import { PassThrough, type Writable } from 'node:stream';
import { inject, vi } from 'vitest';
import { runCli } from '../../cli/main.ts';
import type { Streams } from '../../cli/printing/printer.ts';
import { type CommandResult, environmentOf, type ProcessSettings } from './processes.ts';

/**
 * Runs one command line in this process, at a tenth of the cost of a process of its own. It sees these variables and
 * none of the tests' own settings. Several commands at once would share variables; use processes for those.
 */
export async function commandInProcess(
  args: string[],
  env: Record<string, string | undefined>,
  typed: string | Streams['stdin'] = '',
  stdout: Writable = new PassThrough(),
): Promise<CommandResult> {
  const address = inject('temporalAddress') as string | undefined;
  for (const name of Object.keys(process.env)) if (/^(RUNCOMFY|TEMPORAL)_/.test(name)) vi.stubEnv(name, undefined);
  const variables = { ...(address !== undefined && { TEMPORAL_ADDRESS: address }), ...env };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const stderr = new PassThrough();
  const [printed, noted] = [textOf(stdout), textOf(stderr)];
  const stdin = typeof typed === 'string' ? new PassThrough().end(typed) : typed;
  try {
    const exitCode = await runCli(args, { stdin, stdout, stderr });
    return { exitCode, stdout: printed(), stderr: noted() };
  } finally {
    vi.unstubAllEnvs();
  }
}

/** Like `commandInProcess`, with the settings of a test's processes. */
export function commandWith(settings: Partial<ProcessSettings>, args: string[]): Promise<CommandResult> {
  return commandInProcess(args, environmentOf(settings));
}

function textOf(stream: Writable): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
