import { PassThrough } from 'node:stream';
import { inject, vi } from 'vitest';
import { runCli } from '../../cli/main.ts';
import type { CommandResult } from './processes.ts';

/** Runs one command line in this process, which costs less than a process of its own. */
export async function commandInProcess(args: string[], env: Record<string, string>): Promise<CommandResult> {
  const address = inject('temporalAddress') as string | undefined;
  const variables = { ...(address !== undefined && { TEMPORAL_ADDRESS: address }), ...env };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const [printed, noted] = [textOf(stdout), textOf(stderr)];
  const stdin = new PassThrough().end();
  try {
    const exitCode = await runCli(args, { stdin, stdout, stderr });
    return { exitCode, stdout: printed(), stderr: noted() };
  } finally {
    vi.unstubAllEnvs();
  }
}

function textOf(stream: PassThrough): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
