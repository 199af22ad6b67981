import type { CommanderError } from 'commander';
import { CliError } from './cli-error.ts';

/** Converts an error of commander to a usage error. */
export function toUsageError(error: CommanderError): CliError {
  if (error.code === 'commander.help')
    return new CliError('Usage', 'a command is missing: `runcomfy-temporal --help` lists them');
  const sentence = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new CliError('Usage', `${sentence}; \`runcomfy-temporal <command> --help\` shows how`);
}
