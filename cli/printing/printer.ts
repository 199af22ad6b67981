import { isDumbTerminal } from '../../config/terminal.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { type Followed, toErrorReport } from './error-report.ts';
import { evidenceRows } from './pretty-state.ts';
import { fitLine, oneLine, showControls } from './printable.ts';
import { createRowFilter, foldRows, type ProgressRow } from './progress-rows.ts';

export const outputFormats = ['json', 'pretty'] as const;

export type OutputFormat = (typeof outputFormats)[number];

/** The streams of a shell, so that a command can be run in a test as well. */
export interface Streams {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
}

/** Documents go to standard output, everything said beside them to standard error. */
export interface Printer {
  format: OutputFormat;
  /** A person reads along: text, on a terminal. */
  isRead: boolean;
  /** The answer of a command: as it is in JSON, else as text. */
  print: (document: unknown, pretty: () => string) => void;
  /** One of many answers, on one line; false: standard output wants no more before it has drained. */
  printLine: (document: unknown, pretty: () => string) => boolean;
  note: (sentence: string) => void;
  /** A line that the next one replaces on a terminal; elsewhere shown only in pretty mode, when `mark` is a new one. */
  progress: (line: string, mark: string) => void;
  /** The same for several lines that belong together; elsewhere each is shown when its own mark is a new one. */
  progressRows: (rows: ProgressRow[]) => void;
  endProgress: () => void;
  /** Says what went wrong with the generation that the command follows, if any, and returns the exit code. */
  fail: (error: unknown, followed?: Followed) => ExitCode;
  /** Tells a failure again that standard output did not take, on standard error. */
  tellLost: (reason: string, followed?: Followed) => void;
}

/** Goes back to the first of the lines that stand there, and clears them. */
function clearLines(count: number): string {
  return count === 1 ? '\r\u001B[2K' : `\r\u001B[${String(count - 1)}A\u001B[J`;
}

/** The printer of a format; `pretty` is the default on a terminal, `json` elsewhere. */
export function createPrinter(
  { stdout, stderr }: Streams,
  format: OutputFormat = stdout.isTTY ? 'pretty' : 'json',
): Printer {
  let liveLines = 0;
  let lastMark: string | undefined;
  const changedRows = createRowFilter();
  let failure: string | undefined;
  let printed: 'nothing' | 'lines' | 'a document' = 'nothing';
  const isLive = stderr.isTTY === true && !isDumbTerminal();
  const endProgress = () => {
    if (liveLines > 0) stderr.write(clearLines(liveLines));
    liveLines = 0;
  };
  const fit = (line: string) => fitLine(oneLine(line), widthOf(stderr) - 1);
  const note = (sentence: string) => {
    endProgress();
    stderr.write(`${showControls(sentence)}\n`);
  };
  const printText = (text: string) => {
    endProgress();
    return stdout.write(`${showControls(text)}\n`);
  };
  return {
    format,
    isRead: format === 'pretty' && stderr.isTTY === true,
    print: (document, pretty) => {
      printed = 'a document';
      printText(format === 'json' ? JSON.stringify(document, undefined, 2) : pretty());
    },
    printLine: (document, pretty) => {
      printed = 'lines';
      return printText(format === 'json' ? JSON.stringify(document) : pretty());
    },
    note,
    progress: (line, mark) => {
      if (format === 'json') return;
      if (isLive) {
        stderr.write(`${clearLines(Math.max(liveLines, 1))}${fit(line)}`);
        liveLines = 1;
      } else if (mark !== lastMark) {
        stderr.write(`${oneLine(line)}\n`);
      }
      lastMark = mark;
    },
    progressRows: (rows) => {
      if (format === 'json') return;
      if (isLive) {
        const shown = foldRows(rows, (stderr.rows ?? 24) - 1);
        const before = liveLines === 0 ? '' : clearLines(liveLines);
        stderr.write(`${before}${shown.map(fit).join('\n')}`);
        liveLines = shown.length;
        return;
      }
      for (const { line } of changedRows(rows)) stderr.write(`${oneLine(line)}\n`);
    },
    endProgress,
    fail: (error, followed) => {
      const report = toErrorReport(error, followed);
      const { type, message, issues = [], evidence } = report;
      failure = `${type}: ${message}`;
      if (type === 'Internal' && error instanceof Error) note(error.stack ?? message);
      // A document that is out already stays the only one; among lines a failure is a line.
      if (format === 'json' && printed !== 'a document') {
        printText(JSON.stringify({ error: report }, undefined, printed === 'lines' ? undefined : 2));
        return exitCodeOfReport(type);
      }
      // Only settings are told on several lines.
      note(type === 'Configuration' ? failure : oneLine(failure));
      for (const issue of issues) {
        if (!message.includes(issue.message)) note(`  ${oneLine(`${issue.path}: ${issue.message}`)}`);
      }
      for (const [name, value] of evidence ? evidenceRows(evidence) : []) {
        if (value !== undefined && !message.includes(value)) note(`  ${name}: ${oneLine(value)}`);
      }
      return exitCodeOfReport(type);
    },
    tellLost: (reason, followed) => {
      const again = followed === undefined ? '' : `; \`${followed.command}\` tells it again`;
      note(`standard output took nothing more (${reason}), so not all was printed${again}`);
      if (failure !== undefined && format === 'json') note(oneLine(failure));
    },
  };
}

function exitCodeOfReport(type: ReturnType<typeof toErrorReport>['type']): ExitCode {
  return type === 'Internal' ? exitCodes.internal : exitCodeOf(type);
}

/** A terminal that does not know its width says 0. */
function widthOf({ columns = 0 }: Streams['stderr']): number {
  return columns > 0 ? columns : 80;
}
