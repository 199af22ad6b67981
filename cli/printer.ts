import { describeError } from './describe-error.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';

export const outputFormats = ['json', 'pretty'] as const;

export type OutputFormat = (typeof outputFormats)[number];

/** The streams of a shell, so that a command can be run in a test as well. */
export interface Streams {
  stdin: NodeJS.ReadableStream;
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
}

/** Documents go to standard output, everything said beside them to standard error. */
export interface Printer {
  format: OutputFormat;
  /** The answer of a command: as it is in JSON, else as text. */
  print: (document: unknown, pretty: () => string) => void;
  /** One of many answers, on one line. */
  printLine: (document: unknown, pretty: () => string) => void;
  note: (sentence: string) => void;
  /** A line that the next one replaces on a terminal; elsewhere shown only in pretty mode, when `mark` is a new one. */
  progress: (line: string, mark: string) => void;
  endProgress: () => void;
  /** Says what went wrong and returns the exit code. */
  fail: (error: unknown) => ExitCode;
}

const clearLine = '\r\u001B[2K';

/** The printer of a format; `pretty` is the default on a terminal, `json` elsewhere. */
export function createPrinter(
  { stdout, stderr }: Streams,
  format: OutputFormat = stdout.isTTY ? 'pretty' : 'json',
): Printer {
  let hasLiveLine = false;
  let lastMark: string | undefined;
  const endProgress = () => {
    if (hasLiveLine) stderr.write(clearLine);
    hasLiveLine = false;
  };
  const note = (sentence: string) => {
    endProgress();
    stderr.write(`${sentence}\n`);
  };
  const printText = (text: string) => {
    endProgress();
    stdout.write(`${text}\n`);
  };
  return {
    format,
    print: (document, pretty) => {
      printText(format === 'json' ? JSON.stringify(document, undefined, 2) : pretty());
    },
    printLine: (document, pretty) => {
      printText(format === 'json' ? JSON.stringify(document) : pretty());
    },
    note,
    progress: (line, mark) => {
      if (format === 'json') return;
      if (stderr.isTTY) {
        stderr.write(`${clearLine}${line.slice(0, widthOf(stderr) - 1)}`);
        hasLiveLine = true;
      } else if (mark !== lastMark) {
        stderr.write(`${line}\n`);
      }
      lastMark = mark;
    },
    endProgress,
    fail: (error) => {
      const report = describeError(error);
      const { type, message, issues = [] } = report;
      if (type === 'Internal' && error instanceof Error) note(error.stack ?? message);
      if (format === 'json') {
        printText(JSON.stringify({ error: report }, undefined, 2));
      } else if (type !== 'Internal') {
        note(`${type}: ${message}`);
        for (const issue of issues) {
          if (!message.includes(issue.message)) note(`  ${issue.path}: ${issue.message}`);
        }
      }
      return type === 'Internal' ? exitCodes.internal : exitCodeOf(type);
    },
  };
}

/** A terminal that does not know its width says 0. */
function widthOf({ columns = 0 }: Streams['stderr']): number {
  return columns > 0 ? columns : 80;
}
