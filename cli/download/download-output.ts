import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import type { GenerationOutput } from '../../domain/generation.ts';
import { createDispatchers, type Dispatchers, type ProxySettings } from '../../runcomfy/http/dispatchers.ts';
import { requestUnlessAborted } from '../../runcomfy/http/request-unless-aborted.ts';
import { parseUrl } from '../../runcomfy/urls.ts';
import { CliError } from '../cli-error.ts';
import { fileReason } from '../file-reason.ts';
import { fileNameOf, isHostAllowed, isMediaType } from './download-target.ts';
import { discard, moveIntoPlace, refusal, saveBody } from './save-file.ts';

export interface DownloadOptions {
  directory: string;
  /** Hosts allowed in addition to RunComfy's own, `host` or `host:port`; for these, plain HTTP is allowed too. */
  allowedHosts?: string[] | undefined;
  proxies?: ProxySettings | undefined;
  maxBytes?: number;
  /** Longest time without data from the server. */
  idleTimeoutMs?: number;
  /** Aborts the download; a partial file is removed. */
  signal?: AbortSignal | undefined;
  onSaved?: (path: string) => void;
}

const maxBytesPerFile = 2 * 1024 ** 3;
const defaultIdleTimeoutMs = 60_000;
const connectTimeoutMs = 15_000;
const unlimited = -1;
const maxRedirects = 5;
const mostNamed = 5;
const redirectCodes = [301, 302, 303, 307, 308];

/**
 * Creates the folder if it is missing and tries to write to it, so that an unusable folder is noticed before it is
 * needed.
 */
export async function prepareFolder(directory: string): Promise<void> {
  const probe = join(directory, `.${randomUUID()}.probe`);
  try {
    await mkdir(directory, { recursive: true });
    // Synchronous, so that no interrupt between the two calls can leave the probe behind.
    try {
      writeFileSync(probe, 'x', { flag: 'wx' });
    } finally {
      rmSync(probe, { force: true });
    }
  } catch (error) {
    const message = `the folder ${directory} cannot take files (${fileReason(error)}): name another one with --download`;
    throw new CliError('DownloadFailed', message, { cause: error });
  }
}

/**
 * Saves every file of an output and returns the paths, in the output's order. No token is sent. A file appears under
 * its name only once it is complete; an existing file with the same content is kept, one with other content is never
 * overwritten. If files fail, throws `DownloadFailed` once all were tried, naming the first five. An abort, or a folder
 * that cannot be written to, ends the download at once.
 */
export async function downloadOutput(output: GenerationOutput, options: DownloadOptions): Promise<string[]> {
  const urls = [...new Set([...output.images, ...output.videos, ...output.audios])];
  await prepareFolder(options.directory);
  // No limit here: the size of a file is checked as it arrives.
  const dispatchers = createDispatchers(unlimited, options.proxies);
  try {
    const paths: string[] = [];
    const failures: CliError[] = [];
    for (const url of urls) {
      try {
        const path = await downloadFile(url, options, dispatchers);
        options.onSaved?.(path);
        paths.push(path);
      } catch (error) {
        if (!(error instanceof CliError) || options.signal?.aborted) throw error;
        failures.push(error);
      }
    }
    if (failures.length > 0) throw allOf(failures);
    return paths;
  } finally {
    await dispatchers.close({ isAbrupt: true });
  }
}

function allOf(failures: CliError[]): CliError {
  const named = failures.slice(0, mostNamed).map(({ message }) => message);
  const more = failures.length - named.length;
  if (more > 0) named.push(`${String(more)} more file${more === 1 ? '' : 's'} failed`);
  return new CliError('DownloadFailed', named.join('; '), { cause: failures[0] });
}

async function downloadFile(url: string, options: DownloadOptions, dispatchers: Dispatchers): Promise<string> {
  const { directory, maxBytes = maxBytesPerFile, signal } = options;
  const part = join(directory, `.${randomUUID()}.part`);
  const shortName = fileNameOf(url);
  try {
    const response = await follow(url, options, dispatchers);
    const contentType = contentTypeOf(response);
    if (!isMediaType(contentType)) {
      discard(response);
      throw refusal(`the server sent ${contentType} instead of a file`);
    }
    const digest = await saveBody(response, part, { maxBytes, signal });
    return await moveIntoPlace(part, digest, directory, fileNameOf(url, contentType));
  } catch (error) {
    const reason = signal?.aborted ? 'it was interrupted' : fileReason(error);
    throw new CliError('DownloadFailed', `download of ${shortName} failed: ${reason}`, { cause: error });
  } finally {
    await rm(part, { force: true });
  }
}

async function follow(
  url: string,
  { allowedHosts = [], idleTimeoutMs = defaultIdleTimeoutMs, signal }: DownloadOptions,
  dispatchers: Dispatchers,
): Promise<Dispatcher.ResponseData> {
  let at = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    if (!isHostAllowed(at, allowedHosts)) {
      const host = parseUrl(at)?.host ?? 'no host';
      throw refusal(`it is offered at ${host}, which is not RunComfy's; \`--allow-host ${host}\` takes it from there`);
    }
    const { origin, pathname, search } = new URL(at);
    const response = await requestUnlessAborted(dispatchers.pool(new URL(origin), connectTimeoutMs), {
      origin,
      path: `${pathname}${search}`,
      method: 'GET',
      headers: { 'accept-encoding': 'identity' },
      headersTimeout: idleTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      signal,
    });
    if (!redirectCodes.includes(response.statusCode)) {
      if (response.statusCode === 200) return response;
      discard(response);
      throw refusal(`the server answered HTTP ${String(response.statusCode)}`);
    }
    discard(response);
    const { location } = response.headers;
    const next = typeof location === 'string' ? parseUrl(location, at) : undefined;
    if (!next) throw refusal('the server redirects to nowhere');
    at = next.href;
  }
  throw refusal(`the server redirects more than ${String(maxRedirects)} times`);
}

function contentTypeOf({ headers }: Dispatcher.ResponseData): string {
  const [type = ''] = [headers['content-type'] ?? ''].flat();
  return (type.split(';')[0] ?? '').trim().toLowerCase();
}
