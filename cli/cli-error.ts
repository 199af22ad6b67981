import type { InputIssue } from '../domain/generation.ts';

/** What can go wrong at the shell, beside the errors of the client library. */
export const cliErrorTypes = [
  'Usage',
  'MissingFile',
  'Configuration',
  'DownloadFailed',
  'FileNotWritten',
  'Unhealthy',
] as const;

export type CliErrorType = (typeof cliErrorTypes)[number];

/** A failure of the command itself. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly type: CliErrorType | 'InvalidInput' | 'KeyNotFound';
  readonly issues: InputIssue[] | undefined;

  constructor(
    type: CliErrorType | 'InvalidInput' | 'KeyNotFound',
    message: string,
    more: { issues?: InputIssue[]; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.type = type;
    this.issues = more.issues;
  }
}
