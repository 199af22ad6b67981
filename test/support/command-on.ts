import { PassThrough, type Writable } from 'node:stream';
import type { Client } from '@temporalio/client';
import { Command } from 'commander';
import { createContext } from '../../cli/command-context.ts';
import type { CommandAdder } from '../../cli/define-command.ts';
import type { GenerationClient } from '../../client/index.ts';
import type { CommandResult } from './processes.ts';

/** What a command runs against. */
export interface CommandParts {
  /** The parts of the client that it calls. */
  generations: object;
  typed?: string;
  stdout?: Writable;
  outputGone?: AbortSignal;
  /** What the command asks Temporal itself. */
  client?: object;
}

/** Runs one command in which everything but Temporal is real: the test supplies the generations. */
export async function commandOn(
  add: CommandAdder,
  args: string[],
  {
    generations,
    typed = '',
    stdout = new PassThrough(),
    outputGone = new AbortController().signal,
    client: asked,
  }: CommandParts,
): Promise<CommandResult> {
  const stderr = new PassThrough();
  const [printed, noted] = [textOf(stdout), textOf(stderr)];
  const streams = { stdin: new PassThrough().end(typed), stdout, stderr };
  const withAbortSignal = (_: AbortSignal, call: () => unknown) => call();
  const client = { withAbortSignal, ...asked } as unknown as Client;
  const connected = { generations: generations as GenerationClient, client, address: 'nowhere' };
  const program = new Command().exitOverride();
  let exitCode: number | null = null;
  add(program, async (format, work) => {
    const context = {
      ...createContext(streams, format, { argv: args, outputGone }),
      withTemporal: <T>(use: (given: typeof connected) => Promise<T>) => use(connected),
    };
    try {
      exitCode = await work(context);
    } catch (error) {
      context.printer.endProgress();
      exitCode = context.printer.fail(error, context.followed);
    }
  });
  await program.parseAsync(args, { from: 'user' });
  return { exitCode, stdout: printed(), stderr: noted() };
}

function textOf(stream: Writable): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}
