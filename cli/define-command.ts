import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { ExitCode } from './exit-codes.ts';
import { type OutputFormat, outputFormats } from './printing/printer.ts';

export interface CommandDefinition<Options extends object> {
  /** Name and arguments in commander's syntax: `status <key>`. */
  signature: string;
  summary: string;
  examples: string[];
  /** Adds the command's own options. */
  set?: (command: Command) => void;
  /** Runs the command; returns the exit code of the process. */
  act: (context: CommandContext, args: string[], options: Options) => Promise<ExitCode>;
}

/** Runs a command in the chosen output format. */
export type CommandRunner = (
  format: OutputFormat | undefined,
  work: (context: CommandContext) => Promise<ExitCode>,
) => Promise<void>;

/** Adds one command to a program. */
export type CommandAdder = (program: Command, run: CommandRunner) => void;

/** Defines a command. Every command has `--output` and shows its examples in `--help`. */
export function defineCommand<Options extends object>(definition: CommandDefinition<Options>): CommandAdder {
  const { signature, summary, examples, set, act } = definition;
  return (program, run) => {
    const command = program.command(signature).description(summary);
    set?.(command);
    const output = new Option(
      '--output <format>',
      'json (one document on stdout) or pretty; default: pretty on a terminal, else json',
    );
    command.addOption(output.choices(outputFormats));
    command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`);
    command.action(async () => {
      const options = command.opts<Options & { output?: OutputFormat }>();
      await run(options.output, (context) => act(context, command.args, options));
    });
  };
}
