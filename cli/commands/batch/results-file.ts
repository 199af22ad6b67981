import { createReadStream } from 'node:fs';
import { type FileHandle, open, truncate } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { BatchHandle, BatchLine, LineStatus } from '../../../client/index.ts';
import { isJsonObject } from '../../../domain/json.ts';

/** Where result lines are written. */
export interface ResultsTarget {
  /** `-`: standard output. */
  file: string;
  stdout: NodeJS.WritableStream;
  follow: boolean;
  status?: LineStatus | undefined;
  signal?: AbortSignal;
}

/** Appends the result lines of a batch to a file, without those that it has; a torn last line is cut off first. */
export async function appendResults(batch: BatchHandle, target: ResultsTarget): Promise<number> {
  const { file, stdout, follow, status, signal } = target;
  const lines = batch.results({ follow, status, signal });
  if (file === '-') {
    let written = 0;
    for await (const line of lines) {
      if (!stdout.write(`${JSON.stringify(line)}\n`))
        await new Promise<void>((resolve) => stdout.once('drain', resolve));
      written += 1;
    }
    return written;
  }
  const handle = await open(file, 'a', 0o600);
  try {
    return await appendMissing(handle, file, lines);
  } finally {
    await handle.close();
  }
}

async function appendMissing(handle: FileHandle, file: string, lines: AsyncIterable<BatchLine>): Promise<number> {
  // A device or a pipe has no lines to go on from, and may be read for ever.
  const known = (await handle.stat()).isFile() ? await readKnownIds(file) : new Map<string, number>();
  let written = 0;
  for await (const line of lines) {
    const times = known.get(line.id) ?? 0;
    if (times > 0) {
      known.set(line.id, times - 1);
      continue;
    }
    await handle.appendFile(`${JSON.stringify(line)}\n`);
    written += 1;
  }
  return written;
}

/** How often each id stands in a file; what follows the last whole line is cut off. */
async function readKnownIds(file: string): Promise<Map<string, number>> {
  const known = new Map<string, number>();
  let whole = 0;
  const stream = createReadStream(file);
  for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
    const id = idIn(line);
    if (id === undefined && line !== '') break;
    whole += Buffer.byteLength(line) + 1;
    if (id !== undefined) known.set(id, (known.get(id) ?? 0) + 1);
  }
  stream.destroy();
  // A last line without its end may be torn although it reads as JSON: it is written again.
  const size = stream.bytesRead;
  if (whole < size) await truncate(file, whole);
  return known;
}

function idIn(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isJsonObject(value) && typeof value['id'] === 'string' ? value['id'] : undefined;
  } catch {
    return undefined;
  }
}
