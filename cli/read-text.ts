import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { cutText } from '../domain/text.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { codeOf } from './file-reason.ts';
import type { Streams } from './printing/printer.ts';

/** What Node puts in place of bytes that are not UTF-8 when it reads the command line. */
const replacement = '\uFFFD';

/** Standard input, and how to tell a person that it is being read. */
export interface StandardInput {
  stdin: Streams['stdin'];
  note: (sentence: string) => void;
}

/** The standard input of a command. */
export function standardInputOf({ streams, printer }: Pick<CommandContext, 'streams' | 'printer'>): StandardInput {
  return { stdin: streams.stdin, note: printer.note };
}

/**
 * Standard input, about to be read. Says so on a terminal, since otherwise the person and the command would wait for
 * each other.
 */
export function openStandardInput({ stdin, note }: StandardInput): NodeJS.ReadableStream {
  if (stdin.isTTY === true) {
    note('reading the input from the terminal: type it, then Ctrl-D on a line of its own (Ctrl-C gives up)');
  }
  return stdin;
}

/** The text of a file, or of standard input for `-`; `what` names it in errors. */
export async function readText(file: string, what: string, standardInput: StandardInput): Promise<string> {
  if (file === '-') return decodeUtf8(await buffer(openStandardInput(standardInput)).catch(failToRead(what)), what);
  return decodeUtf8(await readFile(file).catch(failToRead(`${what} ${file}`)), `${what} ${file}`);
}

/** Refuses a command line that was not UTF-8, since something else than meant would be ordered. */
export function refuseBrokenText(argv: string[]): void {
  const broken = argv.find((word) => word.includes(replacement));
  if (broken === undefined) return;
  throw notUtf8(`the argument "${cutText(broken, 60)}"`, 'type it in a UTF-8 terminal, or give it in a file');
}

/** Decodes UTF-8 and refuses anything else instead of repairing it. A byte order mark is removed. */
function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    throw notUtf8(what, isUtf16 ? 'it looks like UTF-16: save it as UTF-8' : 'save it as UTF-8');
  }
}

function notUtf8(what: string, advice: string): CliError {
  const message = `${what} is not UTF-8: ${advice}`;
  return new CliError('InvalidInput', message, { issues: [{ path: '$', message }] });
}

/** Throws an error that says why a file cannot be read; `what` names the file. */
export function failToRead(what: string): (error: unknown) => never {
  return (error) => {
    const code = codeOf(error);
    const reason = code === 'EISDIR' ? 'it is a folder' : code;
    throw new CliError('MissingFile', `${what} cannot be read (${reason})`, { cause: error });
  };
}
