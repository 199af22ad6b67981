import type { InputIssue } from '../domain/generation.ts';
import { messageOf } from '../domain/text.ts';

/** Failures of the command line itself, in addition to those of the client library. */
export const cliErrorTypes = ['Usage', 'MissingFile', 'Configuration', 'DownloadFailed', 'FileNotWritten'] as const;

export type CliErrorType = (typeof cliErrorTypes)[number];

/** A failure of the command itself. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly type: CliErrorType | 'InvalidInput' | 'PriceUnknown' | 'KeyNotFound';
  readonly issues: InputIssue[] | undefined;

  constructor(
    type: CliErrorType | 'InvalidInput' | 'PriceUnknown' | 'KeyNotFound',
    message: string,
    more: { issues?: InputIssue[]; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.type = type;
    this.issues = more.issues;
  }
}

/**
 * The error for a service that did not start: `Configuration` if the system refused something (a port, a file),
 * otherwise `Usage`.
 */
export function failedToStart(what: string, error: unknown): CliError {
  const isRefused = error instanceof Error && 'code' in error;
  const message = `${what} cannot start: ${messageOf(error)}`;
  return new CliError(isRefused ? 'Configuration' : 'Usage', message, { cause: error });
}
