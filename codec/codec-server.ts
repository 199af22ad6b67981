import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Payload, PayloadCodec } from '@temporalio/common';
import { isJsonObject } from '../domain/json.ts';
import { messageOf } from '../domain/text.ts';

/** How payloads are decoded for Temporal's UI and command line. */
export interface CodecServerOptions {
  codec: PayloadCodec;
  /** 0: any free port. */
  port: number;
  /** Default 127.0.0.1; anything but loopback needs a bearer token. */
  host?: string;
  /** The one origin whose pages may call, e.g. `http://localhost:8233`. */
  uiOrigin?: string;
  /** If set, every caller must send it. */
  bearerToken?: string;
}

export interface CodecServer {
  /** `http://127.0.0.1:PORT` */
  url: string;
  close: () => Promise<void>;
}

interface Answer {
  status: number;
  json?: object;
}

const maxBodyBytes = 32 * 1024 * 1024;
const loopback = ['127.0.0.1', '::1', 'localhost'];

/** Serves `/encode` and `/decode` of Temporal's remote codec protocol. Throws if it would decrypt for everyone. */
export async function serveCodec(options: CodecServerOptions): Promise<CodecServer> {
  const { codec, port, host = '127.0.0.1', uiOrigin, bearerToken } = options;
  if (!loopback.includes(host) && bearerToken === undefined) {
    throw new Error(`A codec server on ${host} would decrypt for everyone who reaches it: give it a bearer token.`);
  }
  const server = createServer((request, response) => {
    void answer(request).then(
      (answered) => {
        reply(request, response, answered);
      },
      () => {
        reply(request, response, { status: 500, json: { error: 'the payloads could not be handled' } });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actualPort } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(actualPort)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { origin, authorization } = request.headers;
    if (origin !== undefined && origin !== uiOrigin) return refusal(403, `pages of ${origin} may not ask here`);
    if (request.method === 'OPTIONS') return { status: 204 };
    if (bearerToken !== undefined && !isSame(authorization ?? '', `Bearer ${bearerToken}`)) {
      return refusal(401, 'the bearer token is missing or wrong');
    }
    const path = /\/(encode|decode)$/.exec((request.url ?? '').split('?')[0] ?? '')?.[1];
    if (path === undefined) return refusal(404, 'there is /encode and /decode');
    if (request.method !== 'POST') return refusal(405, 'POST the payloads');
    const body = await readBody(request);
    if (body === undefined) return refusal(413, `a body may have ${String(maxBodyBytes)} bytes`);
    const payloads = parsePayloads(body);
    if (payloads === undefined) return refusal(400, 'expected { payloads: [{ metadata, data }] } with base64 values');
    try {
      const done = await (path === 'encode' ? codec.encode(payloads) : codec.decode(payloads));
      return { status: 200, json: { payloads: done.map(toJson) } };
    } catch (error) {
      return refusal(400, messageOf(error));
    }
  }

  function reply(request: IncomingMessage, response: ServerResponse, { status, json }: Answer): void {
    const isUi = uiOrigin !== undefined && request.headers.origin === uiOrigin;
    response.writeHead(status, {
      'cache-control': 'no-store',
      vary: 'origin',
      ...(json && { 'content-type': 'application/json' }),
      ...(isUi && {
        'access-control-allow-origin': uiOrigin,
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'POST, OPTIONS',
        'access-control-allow-headers': 'authorization, content-type, x-namespace',
      }),
    });
    response.end(json && JSON.stringify(json));
    // The rest of a body that is too long is not read.
    if (status === 413) request.destroy();
  }
}

function refusal(status: number, error: string): Answer {
  return { status, json: { error } };
}

function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsePayloads(text: string): Payload[] | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = isJsonObject(body) ? body['payloads'] : undefined;
  if (!Array.isArray(list)) return undefined;
  const payloads = list.map(parsePayload);
  return payloads.every((payload) => payload !== undefined) ? payloads : undefined;
}

function parsePayload(json: unknown): Payload | undefined {
  if (!isJsonObject(json)) return undefined;
  const { metadata = {}, data = '' } = json;
  if (!isJsonObject(metadata) || typeof data !== 'string') return undefined;
  const entries = Object.entries(metadata);
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) return undefined;
  return {
    metadata: Object.fromEntries(entries.map(([name, value]) => [name, Buffer.from(value, 'base64')])),
    data: Buffer.from(data, 'base64'),
  };
}

function toJson({ metadata, data }: Payload): object {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
  return {
    metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
    data: base64(data ?? new Uint8Array()),
  };
}
