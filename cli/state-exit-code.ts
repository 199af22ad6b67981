import { type ExitCode, exitCodes } from './exit-codes.ts';
import type { Printer } from './printing/printer.ts';

/** What tells whether a worker has said it. */
interface Told {
  isFromServer?: true;
  beginsAt?: string;
}

/** The exit code for a state that was shown, and why Temporal alone told of it. */
export function exitCodeOfState({ isFromServer, beginsAt }: Told, printer: Pick<Printer, 'note'>): ExitCode {
  if (beginsAt !== undefined) printer.note(`its start is delayed: it begins at ${beginsAt}`);
  if (!isFromServer || beginsAt !== undefined) return exitCodes.done;
  printer.note('no worker answers: this is what Temporal itself knows; start one with `runcomfy-temporal worker`');
  return exitCodes.unavailable;
}
