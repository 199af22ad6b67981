import type { CommanderError } from 'commander';
import { CliError } from './cli-error.ts';

/** What commander has against a command line, as a failure of ours. */
export function toUsageError(error: CommanderError): CliError {
  if (error.code === 'commander.help')
    return new CliError('Usage', 'a command is missing: `runcomfy-temporal --help` lists them');
  const sentence = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new CliError('Usage', `${sentence}; \`runcomfy-temporal <command> --help\` shows how`);
}
