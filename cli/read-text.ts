import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { cutText } from '../domain/text.ts';
import { CliError } from './cli-error.ts';
import type { CommandContext } from './command-context.ts';
import { codeOf } from './file-reason.ts';
import type { Streams } from './printing/printer.ts';

/** What Node puts in the place of bytes that are not UTF-8 when it reads the command line. */
const replacement = '\uFFFD';

/** Standard input, and where to tell a person that it is read. */
export interface StandardInput {
  stdin: Streams['stdin'];
  note: (sentence: string) => void;
}

/** The standard input of a command. */
export function standardInputOf({ streams, printer }: Pick<CommandContext, 'streams' | 'printer'>): StandardInput {
  return { stdin: streams.stdin, note: printer.note };
}

/** Standard input, to be read now: whoever sits at it would wait for a command that waits for them. */
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

/** Refuses a command line that was not UTF-8: what it says would be ordered as something else. */
export function refuseBrokenText(argv: string[]): void {
  const broken = argv.find((word) => word.includes(replacement));
  if (broken === undefined) return;
  throw notUtf8(`the argument "${cutText(broken, 60)}"`, 'type it in a UTF-8 terminal, or give it in a file');
}

/** Bytes as text; anything but UTF-8 is refused instead of being mended. A byte order mark stays out. */
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

/** Names what the file system has against reading; `what`: the file, in words. */
export function failToRead(what: string): (error: unknown) => never {
  return (error) => {
    const code = codeOf(error);
    const reason = code === 'EISDIR' ? 'it is a folder' : code;
    throw new CliError('MissingFile', `${what} cannot be read (${reason})`, { cause: error });
  };
}
