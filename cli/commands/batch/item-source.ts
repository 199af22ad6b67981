import { createReadStream, type Stats } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CliError } from '../../cli-error.ts';
import { fileReason } from '../../file-reason.ts';
import { failToRead, openStandardInput, type StandardInput } from '../../read-text.ts';

/** Identifies a file on this machine, whatever its name. */
export interface FileIdentity {
  dev: number;
  ino: number;
}

/** Items that can be read repeatedly. */
export interface ItemSource {
  open: () => AsyncIterable<Uint8Array>;
  /** Missing if the items came from a stream. */
  identity?: FileIdentity;
}

const chunkBytes = 64 * 1024;

type Bytes = AsyncIterable<string | Uint8Array>;

/**
 * Passes a file of items to `use`. A stream that can be read only once (standard input, a pipe) is kept in a temporary
 * file until then.
 */
export async function withItemSource<T>(
  file: string,
  standardInput: StandardInput,
  use: (source: ItemSource) => Promise<T>,
): Promise<T> {
  const what = file === '-' ? 'standard input' : `the items ${file}`;
  const found = file === '-' ? undefined : await stat(file).catch(failToRead(what));
  if (found?.isFile()) {
    const { dev, ino } = found;
    return await use({ open: () => readUnchanged(file, found, what), identity: { dev, ino } });
  }
  const kept = await keep(() => (file === '-' ? openStandardInput(standardInput) : createReadStream(file)), what);
  try {
    return await use({ open: () => readFrom(readKept(kept), what) });
  } finally {
    await kept.close();
  }
}

/**
 * Copies a stream to a file whose name is already removed, so that nothing is left behind however this process ends.
 */
async function keep(read: () => Bytes, what: string): Promise<FileHandle> {
  let kept: FileHandle | undefined;
  try {
    const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-items-'));
    try {
      kept = await open(path.join(folder, 'items'), 'wx+', 0o600);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await writeFile(kept, readFrom(read(), what));
    return kept;
  } catch (error) {
    await kept?.close();
    if (error instanceof CliError) throw error;
    const message = `nothing was sent, ${what} cannot be kept in ${tmpdir()} (${fileReason(error)}): set TMPDIR to a folder with room, or name the items as a file`;
    throw new CliError('FileNotWritten', message, { cause: error });
  }
}

/** Reads from the beginning, independently of other readers. */
async function* readKept(kept: FileHandle): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; ;) {
    const { bytesRead, buffer } = await kept.read({ buffer: Buffer.alloc(chunkBytes), position });
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Reads a file and throws if it has changed since `found`, since unchecked items would be sent otherwise. */
async function* readUnchanged(file: string, found: Stats, what: string): AsyncGenerator<Uint8Array, void, undefined> {
  const refuseChanged = async () => {
    const now = await stat(file).catch(failToRead(what));
    if ((['dev', 'ino', 'size', 'mtimeMs'] as const).every((name) => now[name] === found[name])) return;
    throw new CliError('InvalidInput', `${what} have changed since they were checked: run the command again`);
  };
  for await (const chunk of readFrom(createReadStream(file) as AsyncIterable<Uint8Array>, what)) {
    await refuseChanged();
    yield chunk;
  }
  await refuseChanged();
}

/**
 * Reports file system errors while reading, such as a folder or a failing disk, as `MissingFile` rather than as a bug.
 */
async function* readFrom<Part>(bytes: AsyncIterable<Part>, what: string): AsyncGenerator<Part, void, undefined> {
  try {
    yield* bytes;
  } catch (error) {
    if (error instanceof Error && 'code' in error) failToRead(what)(error);
    throw error;
  }
}
