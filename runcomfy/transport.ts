import type { Dispatcher } from 'undici';
import { Agent, buildConnector, Client } from 'undici';
import type { Endpoint, EndpointTimeouts, TimeoutOverrides } from './endpoints.ts';
import { endpointTimeouts } from './endpoints.ts';
import { recordDelivery } from './record-delivery.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { Scrubber } from './scrub.ts';

/** Replies are a few kilobytes; a page of the catalogue with its schemas is the largest. */
const defaultMaxReplyBytes = 8 * 1024 * 1024;

/** One HTTP call. Reads and cancels may be given up early through `signal`; a submit never is. */
export interface HttpCall {
  endpoint: Endpoint;
  method: 'GET' | 'POST';
  url: URL;
  token: string;
  /** A JSON document. */
  body?: string;
  signal?: AbortSignal;
}

/** The body of a reply, without the token wherever RunComfy may have echoed it. */
export type ReplyBody =
  { kind: 'json'; value: unknown } | { kind: 'text'; text: string } | { kind: 'unreadable'; cause: Error };

/** What became of one attempt. `isSent: false` proves that no byte of the request left this process. */
export type Exchange =
  | { kind: 'answered'; httpStatus: number; retryAfterMs?: number; body: ReplyBody }
  | { kind: 'failed'; isSent: boolean; cause: Error };

/** Sends HTTP calls to RunComfy: one attempt each, no retry, no redirect followed. */
export interface Transport {
  send: (call: HttpCall) => Promise<Exchange>;
  close: () => Promise<void>;
}

export interface TransportOptions {
  scrubber: Scrubber;
  userAgent: string;
  timeouts?: TimeoutOverrides;
  maxReplyBytes?: number;
}

/** Creates the transport of one client: a keep-alive pool for everything but submits, which get a connection each. */
export function createTransport({ scrubber, userAgent, timeouts, maxReplyBytes }: TransportOptions): Transport {
  const maxResponseSize = maxReplyBytes ?? defaultMaxReplyBytes;
  const connectors = new Map<number, buildConnector.connector>();
  const agents = new Map<number, Agent>();

  // One connector for all submits keeps their TLS sessions, though none shares a socket.
  const connectorWithin = (connectMs: number) =>
    getOrCreate(connectors, connectMs, () => buildConnector({ timeout: connectMs }));
  const agentWithin = (connectMs: number) =>
    getOrCreate(
      agents,
      connectMs,
      () => new Agent({ connect: { timeout: connectMs }, maxResponseSize, keepAliveTimeout: 15_000 }),
    );

  const exchange = async (dispatcher: Dispatcher, call: HttpCall, limits: EndpointTimeouts, signal?: AbortSignal) => {
    const { statusCode, headers, body } = await dispatcher.request({
      origin: call.url.origin,
      path: `${call.url.pathname}${call.url.search}`,
      method: call.method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${call.token}`,
        'user-agent': userAgent,
        'x-runcomfy-client': 'runcomfy-temporal',
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      body: call.body ?? null,
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.bodyMs,
      ...(signal !== undefined && { signal }),
    });
    const retryAfterMs = parseRetryAfter(single(headers['retry-after']), single(headers['date']));
    const reply = await body.text().then(
      (text) => readBody(text, scrubber),
      (error: unknown): ReplyBody => ({ kind: 'unreadable', cause: scrubber.cause(error) }),
    );
    return {
      kind: 'answered' as const,
      httpStatus: statusCode,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      body: reply,
    };
  };

  const sendPooled = async (call: HttpCall, limits: EndpointTimeouts): Promise<Exchange> => {
    call.signal?.throwIfAborted();
    const controller = new AbortController();
    const giveUp = () => {
      controller.abort(call.signal?.reason);
    };
    const timer = setTimeout(() => {
      controller.abort(tooSlow(limits.totalMs));
    }, limits.totalMs);
    call.signal?.addEventListener('abort', giveUp, { once: true });
    try {
      const outcome = await exchange(agentWithin(limits.connectMs), call, limits, controller.signal).catch(
        (error: unknown): Exchange => ({ kind: 'failed', isSent: true, cause: scrubber.cause(error) }),
      );
      call.signal?.throwIfAborted();
      return outcome;
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', giveUp);
    }
  };

  const sendAlone = async (call: HttpCall, limits: EndpointTimeouts): Promise<Exchange> => {
    const connection = recordDelivery(connectorWithin(limits.connectMs));
    const client = new Client(call.url.origin, { connect: connection.connect, maxResponseSize });
    // A cancellation never cuts a submit short, for its outcome would be lost; only its own time limit does.
    const timer = setTimeout(() => void client.destroy(tooSlow(limits.totalMs)), limits.totalMs);
    try {
      return await exchange(client, call, limits);
    } catch (error) {
      return { kind: 'failed', isSent: connection.isDelivered(), cause: scrubber.cause(error) };
    } finally {
      clearTimeout(timer);
      await client.destroy();
    }
  };

  return {
    send(call) {
      const limits = { ...endpointTimeouts[call.endpoint], ...timeouts?.[call.endpoint] };
      return call.endpoint === 'submit' ? sendAlone(call, limits) : sendPooled(call, limits);
    },
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.close()));
    },
  };
}

function readBody(text: string, scrubber: Scrubber): ReplyBody {
  try {
    return { kind: 'json', value: scrubber.json(JSON.parse(text)) };
  } catch {
    return { kind: 'text', text: scrubber.text(text) };
  }
}

function tooSlow(totalMs: number): Error {
  return new Error(`no whole answer within ${String(totalMs / 1000)} s`);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function getOrCreate<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
