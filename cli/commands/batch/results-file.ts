import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import type { BatchLine } from '../../../client/index.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { fileReason } from '../../file-reason.ts';
import type { FileIdentity } from './item-source.ts';

/** How every result line begins, and goes on behind its id. */
const [lineBegin, behindId] = ['{"id":"', ',"key":"'];
const maxTornBytes = 1024 * 1024;

/** A file that is open for result lines. */
export interface ResultsFile {
  name: string;
  handle: FileHandle;
  /** How many lines it had when it was opened, and how often each item stands in them: ids are those of one batch. */
  count: number;
  known: Map<string, number>;
}

/**
 * Opens a file for result lines, so that one of no use is noticed before anything is ordered. A torn last line is cut off; a
 * file that holds anything else, or is that of the items, is left alone.
 */
export async function openResultsFile(name: string, items?: FileIdentity): Promise<ResultsFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(name, 'a', 0o600);
    const found = await handle.stat();
    if (found.dev === items?.dev && found.ino === items.ino) {
      throw new CliError('InvalidInput', `nothing was sent, ${name} has the items: name another file with --results`);
    }
    // A device or a pipe has no lines to go on from, and may be read for ever.
    const had = found.isFile() ? await readKnownItems(name) : { count: 0, known: new Map() };
    return { name, handle, ...had };
  } catch (error) {
    await handle?.close();
    if (error instanceof CliError) throw error;
    const message = `nothing was sent, ${name} cannot take result lines (${fileReason(error)}): name another file with --results`;
    throw new CliError('FileNotWritten', message, { cause: error });
  }
}

/** Appends the result lines that a file does not have; `again` says what is run again where it takes no more. */
export async function appendResults(
  { name, handle, count, known }: ResultsFile,
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

/** Prints items or result lines, until standard output takes no more. */
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

/** Cuts off a last line that was torn; throws where a line is no result. */
async function readKnownItems(file: string): Promise<Pick<ResultsFile, 'count' | 'known'>> {
  const known = new Map<string, number>();
  let [count, number, whole] = [0, 0, 0];
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
  // A last line without its end may be torn although it reads as JSON: it is written again.
  if (rest.length > 0) await truncate(file, whole);
  return { count, known };
}

/** Whether a last line without its end is a result line, or the begin of one: anything else is somebody's own. */
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
    // An item has an id as well.
    const isResult = [id, key, status].every((word) => typeof word === 'string');
    return isResult ? itemOf({ id, key }) : undefined;
  } catch {
    return undefined;
  }
}
