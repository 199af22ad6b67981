import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';

import type { GenerationOutput } from '../domain/generation.ts';

import { CliError } from './cli-error.ts';
import { fileNameOf, isHostAllowed, withSuffix } from './download-target.ts';

export interface DownloadOptions {
  directory: string;
  /** Hosts beside RunComfy's own, `host` or `host:port`; for these plain HTTP is taken too. */
  allowedHosts?: string[] | undefined;
  maxBytes?: number;
  /** Longest silence of the server. */
  idleTimeoutMs?: number;
}

const maxBytesPerFile = 2 * 1024 ** 3;
const defaultIdleTimeoutMs = 60_000;
const connectTimeoutMs = 15_000;
const maxRedirects = 5;
const redirectCodes = [301, 302, 303, 307, 308];

/**
 * Saves every file of an output and returns the paths, in the output's order. No token is sent. Files appear under their
 * names only when whole; what is already there with the same content is kept, with other content never overwritten.
 */
export async function downloadOutput(output: GenerationOutput, options: DownloadOptions): Promise<string[]> {
  const urls = [...new Set([...output.images, ...output.videos, ...output.audios])];
  await mkdir(options.directory, { recursive: true }).catch((error: unknown) => {
    throw failed(options.directory, 'the directory cannot be made', error);
  });
  const agent = new Agent({ connect: { timeout: connectTimeoutMs } });
  try {
    const paths: string[] = [];
    for (const url of urls) paths.push(await downloadFile(url, options, agent));
    return paths;
  } finally {
    await agent.close();
  }
}

async function downloadFile(url: string, options: DownloadOptions, agent: Agent): Promise<string> {
  const name = fileNameOf(url);
  const part = join(options.directory, `.${name}.${randomUUID()}.part`);
  try {
    const response = await follow(url, name, options, agent);
    const digest = await save(response, part, name, options);
    return await publish(part, digest, options.directory, name);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw failed(name, reasonOf(error), error);
  } finally {
    await rm(part, { force: true });
  }
}

async function follow(
  url: string,
  name: string,
  { allowedHosts = [], idleTimeoutMs = defaultIdleTimeoutMs }: DownloadOptions,
  dispatcher: Agent,
): Promise<Dispatcher.ResponseData> {
  let at = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    if (!isHostAllowed(at, allowedHosts)) {
      const host = URL.canParse(at) ? new URL(at).host : 'no host';
      throw failed(
        name,
        `it is offered at ${host}, which is not RunComfy's; \`--allow-host ${host}\` takes it from there`,
      );
    }
    const response = await request(at, {
      dispatcher,
      headers: { 'accept-encoding': 'identity' },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
    });
    if (!redirectCodes.includes(response.statusCode)) {
      if (response.statusCode === 200) return response;
      discard(response);
      throw failed(name, `the server answered HTTP ${String(response.statusCode)}`);
    }
    discard(response);
    const { location } = response.headers;
    if (typeof location !== 'string' || !URL.canParse(location, at))
      throw failed(name, 'the server redirects to nowhere');
    at = new URL(location, at).href;
  }
  throw failed(name, `the server redirects more than ${String(maxRedirects)} times`);
}

/** Writes a body to a file and returns its SHA-256; a body that is too large or not whole is refused. */
async function save(
  { headers, body }: Dispatcher.ResponseData,
  path: string,
  name: string,
  { maxBytes = maxBytesPerFile }: DownloadOptions,
): Promise<string> {
  const length = typeof headers['content-length'] === 'string' ? Number(headers['content-length']) : undefined;
  const tooLarge = () => failed(name, `it is larger than ${String(maxBytes)} bytes`);
  if (length !== undefined && length > maxBytes) {
    discard({ body });
    throw tooLarge();
  }
  const hash = createHash('sha256');
  let bytes = 0;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes > maxBytes) done(tooLarge());
      else done(null, chunk);
    },
  });
  await pipeline(body, count, createWriteStream(path, { flags: 'wx', flush: true }));
  if (length !== undefined && bytes !== length) {
    throw failed(name, `it broke off after ${String(bytes)} of ${String(length)} bytes`);
  }
  return hash.digest('hex');
}

/** Lets go of a body that nobody wants, and of its connection; what it still has to say is of no interest. */
function discard({ body }: Pick<Dispatcher.ResponseData, 'body'>): void {
  body.once('error', () => undefined);
  body.destroy();
}

/** Gives a whole file its name: the URL's own, or one with a suffix where another file has that name. */
async function publish(part: string, digest: string, directory: string, name: string): Promise<string> {
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
      // File systems without hard links: nothing was there a moment ago, so the rename hides nothing.
      await rename(part, path);
      return path;
    }
  }
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

function failed(name: string, reason: string, cause?: unknown): CliError {
  return new CliError('DownloadFailed', `download of ${name} failed: ${reason}; the command can be repeated`, {
    cause,
  });
}

const reasonsByCode: Record<string, string> = {
  UND_ERR_HEADERS_TIMEOUT: 'the server fell silent',
  UND_ERR_BODY_TIMEOUT: 'the server fell silent',
  UND_ERR_CONNECT_TIMEOUT: 'the server cannot be reached',
  ECONNREFUSED: 'the server cannot be reached',
  ENOTFOUND: 'the server cannot be reached',
  UND_ERR_SOCKET: 'the connection broke',
  ECONNRESET: 'the connection broke',
  ENOSPC: 'the disk is full',
};

/** Never the error's own words: some of them quote the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return reasonsByCode[code] ?? code;
}
