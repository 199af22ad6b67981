import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { cutText, messageOf } from '../../domain/text.ts';
import { RefusalError } from './refusal-error.ts';

/** Longest accepted body, the same as in the whole product. */
const maxBodyBytes = 2 * 1024 * 1024;

/** Far more than any order needs, and far less than overflows the stack of code that walks through it. */
const maxLevels = 1_000;

/**
 * A longer body is read and discarded up to these limits, since a client that is still sending does not read the
 * answer.
 */
const maxDiscardedBytes = 64 * 1024 * 1024;
const maxDiscardMs = 10_000;

/** Accepts only JSON bodies, by their content type, and refuses keys that could change an object's prototype. */
export function takeJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, payload: Readable) => {
    if (request.headers['content-encoding'] !== undefined) {
      throw new RefusalError('UnsupportedMediaType', 'send the body without content-encoding');
    }
    const bytes = await readBody(payload, maxBodyBytes);
    if (bytes !== undefined) return parseJson(bytes);
    const limit = `the body is longer than ${String(maxBodyBytes)} bytes: pass media by URL`;
    throw new RefusalError('TooLarge', limit, { headers: { connection: 'close' } });
  });
}

/** Whether a body is empty. The first bytes are put back for the next reader. */
export async function isEmptyBody(payload: Readable): Promise<boolean> {
  const chunks = payload.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  const first = await chunks.next().catch(brokeOff);
  await chunks.return?.();
  if (first.done !== true) payload.unshift(first.value);
  return first.done === true;
}

/** The whole body; undefined if it is longer than `maxBytes`. */
export function readBody(payload: Readable, maxBytes: number): Promise<Buffer | undefined> {
  return bytesOf(payload, maxBytes).catch(brokeOff);
}

/** The client left, or its connection broke. */
function brokeOff(cause: unknown): never {
  throw new RefusalError('MalformedRequest', 'the body broke off before its end', { cause });
}

async function bytesOf(payload: Readable, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  let giveUpAt: number | undefined;
  for await (const chunk of payload as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= maxBytes) {
      chunks.push(chunk);
      continue;
    }
    chunks.length = 0;
    giveUpAt ??= performance.now() + maxDiscardMs;
    if (length > maxDiscardedBytes || performance.now() > giveUpAt) break;
  }
  return length <= maxBytes ? Buffer.concat(chunks) : undefined;
}

function parseJson(bytes: Buffer): unknown {
  if (isDeeperThan(maxLevels, bytes)) {
    const message = `the body is nested more than ${maxLevels.toLocaleString('en')} levels deep`;
    throw new RefusalError('InvalidInput', message, { issues: [{ path: '$', message }] });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text, (name, value: unknown) => {
      if (name === '__proto__') throw new SyntaxError('the name "__proto__" is not taken');
      return value;
    });
  } catch (error) {
    const message = `the body is no JSON: ${cutText(messageOf(error), 200)}`;
    throw new RefusalError('BrokenJson', message, { issues: [{ path: '$', message }] });
  }
}

/** Checked before parsing, since the parser itself would overflow the stack. */
function isDeeperThan(most: number, json: Buffer): boolean {
  let levels = 0;
  let isText = false;
  for (let at = 0; at < json.length && levels <= most; at += 1) {
    switch (json[at] ?? 0) {
      case 0x22: // "
        isText = !isText;
        break;
      case 0x5c: // \
        at += 1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (!isText) levels += 1;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        if (!isText) levels -= 1;
    }
  }
  return levels > most;
}
