import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import type { BatchLine } from '../../../client/index.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { CliError } from '../../cli-error.ts';
import { fileReason } from '../../file-reason.ts';

/** How every result line begins: what does not is somebody's own, and is not cut off. */
const lineBegin = '{"id":"';
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
 * file that holds anything else is left alone.
 */
export async function openResultsFile(name: string): Promise<ResultsFile> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(name, 'a', 0o600);
    // A device or a pipe has no lines to go on from, and may be read for ever.
    const had = (await handle.stat()).isFile() ? await readKnownItems(name) : { count: 0, known: new Map() };
    return { name, handle, ...had };
  } catch (error) {
    await handle?.close();
    if (error instanceof CliError) throw error;
    const message = `nothing was sent, ${name} cannot take result lines (${fileReason(error)}): name another file with --results`;
    throw new CliError('FileNotWritten', message, { cause: error });
  }
}

/** Appends the result lines that a file does not have; `command` is run again where it takes no more. */
export async function appendResults(
  { name, handle, count, known }: ResultsFile,
  lines: AsyncIterable<BatchLine>,
  command: string,
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
      const message = `${name} takes no more (${fileReason(error)}): ${has}, and the batch is not stopped by that; once there is room, \`${command}\` appends the rest`;
      throw new CliError('FileNotWritten', message, { cause: error });
    });
    written += 1;
  }
  return written;
}

/** Prints result lines, until standard output takes no more. */
export async function printResults(
  lines: AsyncIterable<BatchLine>,
  stdout: NodeJS.WritableStream,
  outputGone: AbortSignal,
): Promise<void> {
  for await (const line of lines) {
    if (stdout.write(`${JSON.stringify(line)}\n`)) continue;
    await once(stdout, 'drain', { signal: outputGone }).catch(() => undefined);
    if (outputGone.aborted) return;
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
  if (!lineBegin.startsWith(rest.toString('utf8', 0, lineBegin.length))) throw refuse(number + 1, file);
  // A last line without its end may be torn although it reads as JSON: it is written again.
  if (rest.length > 0) await truncate(file, whole);
  return { count, known };
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
    return isJsonObject(value) && typeof value['id'] === 'string'
      ? itemOf({ id: value['id'], key: value['key'] })
      : undefined;
  } catch {
    return undefined;
  }
}
