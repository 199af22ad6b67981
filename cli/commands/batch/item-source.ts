import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CliError } from '../../cli-error.ts';
import { fileReason } from '../../file-reason.ts';
import { failToRead } from '../../read-text.ts';

/** Which file of this machine one is, whatever its names. */
export interface FileIdentity {
  dev: number;
  ino: number;
}

/** Items that can be read again and again. */
export interface ItemSource {
  open: () => AsyncIterable<Uint8Array>;
  /** Missing where the items were kept from a stream. */
  identity?: FileIdentity;
}

type Bytes = AsyncIterable<string | Uint8Array>;

/** Uses a file of items; what can be read once alone (standard input, a pipe) is kept in a temporary file meanwhile. */
export async function withItemSource<T>(
  file: string,
  stdin: NodeJS.ReadableStream,
  use: (source: ItemSource) => Promise<T>,
): Promise<T> {
  const what = file === '-' ? 'standard input' : `the items ${file}`;
  const found = file === '-' ? undefined : await stat(file).catch(failToRead(what));
  const openFrom = (name: string) => () => readFrom(createReadStream(name) as AsyncIterable<Uint8Array>, what);
  if (found?.isFile()) return await use({ open: openFrom(file), identity: { dev: found.dev, ino: found.ino } });
  const folder = await keep(() => (file === '-' ? stdin : createReadStream(file)), what);
  try {
    return await use({ open: openFrom(path.join(folder, 'items')) });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Keeps a stream in a folder of its own. */
async function keep(open: () => Bytes, what: string): Promise<string> {
  let folder: string | undefined;
  try {
    folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-items-'));
    await pipeline(readFrom(open(), what), createWriteStream(path.join(folder, 'items'), { mode: 0o600 }));
    return folder;
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    if (error instanceof CliError) throw error;
    const message = `nothing was sent, ${what} cannot be kept in ${tmpdir()} (${fileReason(error)}): set TMPDIR to a folder with room, or name the items as a file`;
    throw new CliError('FileNotWritten', message, { cause: error });
  }
}

/** What the file system says while it reads is no defect: a folder that is named, a disk that fails. */
async function* readFrom<Part>(bytes: AsyncIterable<Part>, what: string): AsyncGenerator<Part, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    if (error instanceof Error && 'code' in error) failToRead(what)(error);
    throw error;
  }
}
