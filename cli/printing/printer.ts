import { isDumbTerminal } from '../../config/terminal.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts';
import { type Followed, toErrorReport } from './error-report.ts';
import { evidenceRows } from './pretty-state.ts';
import { fitLine, oneLine, showControls } from './printable.ts';
import { createRowFilter, foldRows, type ProgressRow } from './progress-rows.ts';

export const outputFormats = ['json', 'pretty'] as const;

export type OutputFormat = (typeof outputFormats)[number];

/** The streams of a shell, replaceable in tests. */
export interface Streams {
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  stdout: NodeJS.WritableStream & { isTTY?: boolean };
  stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
}

/** Prints documents to standard output and everything else to standard error. */
export interface Printer {
  format: OutputFormat;
  /** Whether a person is reading: pretty format, on a terminal. */
  isRead: boolean;
  /** Prints the answer of a command, as JSON or as text. */
  print: (document: unknown, pretty: () => string) => void;
  /** Prints one of many answers on one line. False: standard output has to drain before the next one. */
  printLine: (document: unknown, pretty: () => string) => boolean;
  note: (sentence: string) => void;
  /**
   * Prints a progress line. On a terminal, the next one replaces it; elsewhere it is printed only in pretty format, and
   * only when `mark` changes.
   */
  progress: (line: string, mark: string) => void;
  /** Like `progress`, for several lines that belong together; elsewhere each is printed when its own mark changes. */
  progressRows: (rows: ProgressRow[]) => void;
  endProgress: () => void;
  /** Reports a failure, naming the generation that the command follows, if any; returns the exit code. */
  fail: (error: unknown, followed?: Followed) => ExitCode;
  /** Says on standard error that standard output failed, and repeats a failure that was lost with it. */
  tellLost: (reason: string, followed?: Followed) => void;
}

/** The escape sequence that moves back to the first of the progress lines and clears them. */
function clearLines(count: number): string {
  return count === 1 ? '\r\u001B[2K' : `\r\u001B[${String(count - 1)}A\u001B[J`;
}

/** Creates the printer for a format. The default is `pretty` on a terminal and `json` elsewhere. */
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
      // If a document was printed already, it stays the only one; after lines, a failure is one more line.
      if (format === 'json' && printed !== 'a document') {
        printText(JSON.stringify({ error: report }, undefined, printed === 'lines' ? undefined : 2));
        return exitCodeOfReport(type);
      }
      // Only configuration errors may span several lines.
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

/** The width of the terminal; one that does not know its width reports 0. */
function widthOf({ columns = 0 }: Streams['stderr']): number {
  return columns > 0 ? columns : 80;
}
