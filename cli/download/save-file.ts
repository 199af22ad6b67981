import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { CliError } from '../cli-error.ts';
import { withSuffix } from './download-target.ts';

export interface SaveLimits {
  maxBytes: number;
  signal: AbortSignal | undefined;
}

/** Bytes inspected to tell a file from a web page. */
const startBytes = 512;

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * Writes the media of a reply to a new file and returns its SHA-256. Refuses what is too large, incomplete or a web
 * page.
 */
export async function saveBody(
  { headers, body }: Dispatcher.ResponseData,
  path: string,
  { maxBytes, signal }: SaveLimits,
): Promise<string> {
  const length = typeof headers['content-length'] === 'string' ? Number(headers['content-length']) : undefined;
  const encodings = encodingsOf(headers['content-encoding']);
  const unknown = encodings.find((encoding) => !Object.hasOwn(decoders, encoding));
  const tooLarge = () => refusal(`it is larger than ${String(maxBytes)} bytes`);
  if (unknown !== undefined || (length !== undefined && length > maxBytes)) {
    discard({ body });
    throw unknown === undefined ? tooLarge() : refusal(`it is encoded as ${unknown}, which cannot be read here`);
  }
  const hash = createHash('sha256');
  const received = counter();
  let start = Buffer.alloc(0);
  const media = counter((chunk, bytes) => {
    if (bytes > maxBytes) throw tooLarge();
    if (start.length < startBytes) {
      start = Buffer.concat([start, chunk.subarray(0, startBytes - start.length)]);
      if (isWebPage(start)) throw refusal('the server sent a web page instead of a file');
    }
    hash.update(chunk);
  });
  // The encoding that was applied last is removed first.
  const decoding = encodings.reverse().flatMap((encoding) => decoders[encoding]?.() ?? []);
  const file = createWriteStream(path, { flags: 'wx', flush: true });
  const steps = [body, received.stream, ...decoding, media.stream, file];
  try {
    await pipeline(steps, signal === undefined ? {} : { signal });
  } catch (error) {
    // A file that is still being opened would appear after the caller has removed it, and not every failure closes it.
    file.destroy();
    if (!file.closed) await new Promise<void>((resolve) => file.once('close', resolve));
    throw error;
  }
  if (length !== undefined && received.bytes() !== length) {
    throw refusal(`it broke off after ${String(received.bytes())} of ${String(length)} bytes`);
  }
  if (media.bytes() === 0) throw refusal('the server sent an empty file');
  return hash.digest('hex');
}

/** Moves a complete file to its name, with a suffix if another file has that name already. */
export async function moveIntoPlace(part: string, digest: string, directory: string, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const path = join(directory, withSuffix(name, number));
    try {
      await link(part, path);
      return path;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EEXIST') {
        if ((await digestOf(path)) === digest) return path;
        continue;
      }
      if (await exists(path)) continue;
      // For file systems without hard links. Nothing was there a moment ago, so the rename overwrites nothing.
      await rename(part, path);
      return path;
    }
  }
}

/** Discards an unwanted body and its connection, and ignores its errors. */
export function discard({ body }: Pick<Dispatcher.ResponseData, 'body'>): void {
  body.once('error', () => undefined);
  body.destroy();
}

/** The error that says, in our own words, why there is no file. */
export function refusal(reason: string): CliError {
  return new CliError('DownloadFailed', reason);
}

function encodingsOf(header: string | string[] | undefined): string[] {
  const names = [header ?? []].flat().join(',').toLowerCase().split(',');
  return names.map((name) => name.trim()).filter((name) => name !== '' && name !== 'identity');
}

/**
 * A web page, possibly after a byte order mark, an XML prolog and comments. Written so that no prefix matches in two
 * ways.
 */
const webPage =
  /^(?:\xEF\xBB\xBF)?\s*(?:<\?xml(?:(?!\?>).)*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*(?:<!doctype html|<html[\s>])/is;

/**
 * Whether bytes are the start of a web page. Hosts that have lost a file often send a page under the file's content
 * type.
 */
function isWebPage(start: Buffer): boolean {
  return webPage.test(start.toString('latin1'));
}

function counter(inspect: (chunk: Buffer, bytes: number) => void = () => undefined) {
  let bytes = 0;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      try {
        inspect(chunk, bytes);
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
  return { stream, bytes: () => bytes };
}

async function digestOf(path: string): Promise<string | undefined> {
  if (!(await stat(path)).isFile()) return undefined;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
