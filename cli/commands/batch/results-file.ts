import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat, truncate } from 'node:fs/promises';
import type { BatchLine } from '../../../client/index.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { fileReason } from '../../file-reason.ts';
import { holdFile } from './hold-file.ts';
import type { FileIdentity } from './item-source.ts';

/** How every result line begins. */
const lineBegin = '{"id":"';
/** What follows the id. */
const behindId = ',"key":"';
const maxTornBytes = 1024 * 1024;

/** A file opened for result lines. */
export interface ResultsFile {
  name: string;
  handle: FileHandle;
  /** Number of lines when it was opened. */
  count: number;
  /** How often each item occurs in them, by its id and key, since ids are unique only within a batch. */
  known: Map<string, number>;
  close: () => Promise<void>;
}

/**
 * Opens a file for the result lines of a batch, so that an unusable file is noticed before anything is ordered. A torn
 * last line is cut off. A file is refused if it holds anything else, is the file of the items, or already takes lines
 * of this batch.
 */
export async function openResultsFile(name: string, key: string, items?: FileIdentity): Promise<ResultsFile> {
  let handle: FileHandle | undefined;
  let release: (() => void) | undefined;
  const close = async () => {
    await handle?.close();
    release?.();
  };
  try {
    handle = await open(name, 'a', 0o600);
    const found = await handle.stat();
    if (found.dev === items?.dev && found.ino === items.ino) {
      throw new CliError('InvalidInput', `nothing was sent, ${name} has the items: name another file with --results`);
    }
    // A device or a pipe has no lines to continue from, and reading it may never end.
    if (!found.isFile()) return { name, handle, close, count: 0, known: new Map() };
    release = await holdFile(found, key);
    if (!release) {
      const message = `nothing was sent, another command appends the lines of this batch to ${name}: wait for its end, or name another file with --results`;
      throw new CliError('FileNotWritten', message);
    }
    return { name, handle, close, ...(await readKnownItems(name)) };
  } catch (error) {
    await close();
    if (error instanceof CliError) throw error;
    const message = `nothing was sent, ${name} cannot take result lines (${fileReason(error)}): name another file with --results`;
    throw new CliError('FileNotWritten', message, { cause: error });
  }
}

/** Appends the result lines that a file does not have yet. `again`: the command to repeat if the file takes no more. */
export async function appendResults(
  { name, handle, count, known }: Omit<ResultsFile, 'close'>,
  lines: AsyncIterable<BatchLine>,
  again: string,
): Promise<number> {
  let written = 0;
  for await (const line of lines) {
    const item = itemOf(line);
    const times = known.get(item) ?? 0;
    if (times > 0) {
      known.set(item, times - 1);
      continue;
    }
    await handle.appendFile(`${JSON.stringify(line)}\n`).catch((error: unknown) => {
      const has = `it has ${String(count + written)} result lines`;
      const message = `${name} takes no more (${fileReason(error)}): ${has}, and the batch is not stopped by that; once there is room, ${again} appends the rest`;
      throw new CliError('FileNotWritten', message, { cause: error });
    });
    written += 1;
  }
  return written;
}

/** Prints items or result lines until standard output takes no more. */
export async function printLines(
  lines: AsyncIterable<object>,
  { printer, streams: { stdout }, outputGone }: Pick<CommandContext, 'printer' | 'streams' | 'outputGone'>,
): Promise<void> {
  for await (const line of lines) {
    if (outputGone.aborted) return;
    if (printer.printLine(line, () => JSON.stringify(line))) continue;
    await once(stdout, 'drain', { signal: outputGone }).catch(() => undefined);
  }
}

/** Reads the lines of a file and cuts off a torn last line; throws if a line is not a result line. */
async function readKnownItems(file: string): Promise<Pick<ResultsFile, 'count' | 'known'>> {
  const known = new Map<string, number>();
  let count = 0;
  let number = 0;
  let whole = 0;
  const take = (line: string) => {
    number += 1;
    if (line.trim() === '') return;
    const item = itemIn(line);
    if (item === undefined) throw refuse(number, file);
    count += 1;
    known.set(item, (known.get(item) ?? 0) + 1);
  };
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf('\n') + 1;
    if (end > 0)
      bytes
        .toString('utf8', 0, end - 1)
        .split('\n')
        .forEach(take);
    whole += end;
    rest = bytes.subarray(end);
    if (rest.length > maxTornBytes) throw refuse(number + 1, file);
  }
  if (!mayBeCut(rest.toString('utf8'))) throw refuse(number + 1, file);
  // A last line without a line break may be torn even if it is valid JSON, so it is written again. If it is growing,
  // another command is appending the lines of another batch.
  if (rest.length > 0 && (await stat(file)).size === whole + rest.length) await truncate(file, whole);
  return { count, known };
}

/** Whether an unfinished last line is a result line or the beginning of one. Anything else belongs to somebody else. */
function mayBeCut(rest: string): boolean {
  if (isJson(rest)) return itemIn(rest) !== undefined;
  const id = /^\{"id":"[^"\\]*(?:\\.[^"\\]*)*"/s.exec(rest)?.[0];
  const [text, expected] = id === undefined ? [rest, lineBegin] : [rest.slice(id.length), behindId];
  return expected.startsWith(text.slice(0, expected.length));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function refuse(number: number, file: string): CliError {
  const message = `nothing was sent, line ${String(number)} of ${file} is no result line: name another file with --results`;
  return new CliError('InvalidInput', message);
}

function itemOf({ id, key }: { id: unknown; key?: unknown }): string {
  return JSON.stringify([id, key]);
}

function itemIn(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (!isJsonObject(value)) return undefined;
    const { id, key, status } = value;
    // An item has an id too, but no key and status.
    const isResult = [id, key, status].every((word) => typeof word === 'string');
    return isResult ? itemOf({ id, key }) : undefined;
  } catch {
    return undefined;
  }
}
