import type { Dispatcher } from 'undici';
import { type Endpoint, endpointTimeouts, type EndpointTimeouts, type TimeoutOverrides } from '../endpoints.ts';
import { parseRetryAfter } from '../retry-after.ts';
import type { Scrubber } from '../token/scrub.ts';
import { decodeBody, decodeText } from './decode-body.ts';
import { type CloseOptions, createDispatchers, type ProxySettings } from './dispatchers.ts';
import { parseJson } from './parse-json.ts';
import { requestUnlessAborted } from './request-unless-aborted.ts';

/** Default limit on a reply, in bytes: a result echoes its input, which may be this large. */
const defaultMaxReplyBytes = 64 * 1024 * 1024;

/** Bytes kept from the beginning of an unreadable reply; an acknowledgement has a few hundred. */
const longestBeginning = 4_096;

/** One HTTP call. Reads and cancels may be given up early through `signal`; a submit never is. */
export interface HttpCall {
  endpoint: Endpoint;
  method: 'GET' | 'POST';
  url: URL;
  token: string;
  /** A JSON document. */
  body?: string;
  signal?: AbortSignal;
  /** Submits only: called once the connection is open, right before the first byte. If it throws, nothing is sent. */
  beforeSend?: () => void;
}

/** The body of a reply, without the token wherever RunComfy may have echoed it. */
export type ReplyBody =
  | { kind: 'json'; value: unknown; text: string }
  | { kind: 'text'; text: string }
  /** `beginning`: the first part of what arrived, if it is text. */
  | { kind: 'unreadable'; cause: Error; beginning?: string };

/** What became of one attempt. `isSent: false` proves that no byte of the request left this process. */
export type Exchange =
  | { kind: 'answered'; httpStatus: number; retryAfterMs?: number; body: ReplyBody }
  | { kind: 'failed'; isSent: boolean; cause: Error };

/** A reply that no later attempt could read either; the message says why, e.g. which limit it exceeds. */
export class UnreadableReply extends Error {
  override readonly name = 'UnreadableReply';
}

/** Sends HTTP calls to RunComfy: one attempt each, no retry, no redirect followed. */
export interface Transport {
  send: (call: HttpCall) => Promise<Exchange>;
  close: (options?: CloseOptions) => Promise<void>;
}

export interface TransportOptions {
  scrubber: Scrubber;
  userAgent: string;
  timeouts?: TimeoutOverrides;
  maxReplyBytes?: number;
  proxies?: ProxySettings;
}

/** Creates the transport of one client: a keep-alive pool for everything but submits, which get a connection each. */
export function createTransport(options: TransportOptions): Transport {
  const { scrubber, userAgent, timeouts, maxReplyBytes = defaultMaxReplyBytes } = options;
  const dispatchers = createDispatchers(maxReplyBytes, options.proxies);

  const readBody = async (bytes: Uint8Array, contentEncoding: string): Promise<ReplyBody> => {
    const text = decodeText(await decodeBody(bytes, contentEncoding, maxReplyBytes));
    try {
      return { kind: 'json', value: scrubber.json(parseJson(text)), text: scrubber.text(text) };
    } catch {
      return { kind: 'text', text: scrubber.beginning(text) };
    }
  };
  const causeOf = (error: unknown): Error => {
    const cause = scrubber.cause(error);
    const limit = limitOf(cause, maxReplyBytes);
    return limit === undefined ? cause : new UnreadableReply(limit, { cause });
  };

  /**
   * The beginning of a body that could not be read, if it is plain text. The encoding header alone does not tell:
   * servers on the way name encodings that were never applied, or that they have already undone.
   */
  const begun = (bytes: Uint8Array, contentEncoding: string): { beginning?: string } => {
    const text = decodeText(bytes.subarray(0, longestBeginning));
    const isPlain = ['', 'identity'].includes(contentEncoding.trim().toLowerCase()) || /^\s*\{\s*"/.test(text);
    const beginning = isPlain ? scrubber.beginning(text) : '';
    return beginning === '' ? {} : { beginning };
  };

  const exchange = async (dispatcher: Dispatcher, call: HttpCall, limits: EndpointTimeouts, signal?: AbortSignal) => {
    const { statusCode, headers, body } = await requestUnlessAborted(dispatcher, {
      origin: call.url.origin,
      path: `${call.url.pathname}${call.url.search}`,
      method: call.method,
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        authorization: `Bearer ${call.token}`,
        'user-agent': userAgent,
        'x-runcomfy-client': 'runcomfy-temporal',
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      body: call.body ?? null,
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.bodyMs,
      signal,
    });
    const retryAfterMs = parseRetryAfter(single(headers['retry-after']), single(headers['date']));
    const encoding = single(headers['content-encoding']) ?? '';
    const chunks: Buffer[] = [];
    const reply = await collect(body, chunks).then(
      (bytes) =>
        readBody(bytes, encoding).catch((error: unknown): ReplyBody => {
          const cause = scrubber.cause(error);
          const what = limitOf(cause, maxReplyBytes) ?? `its body cannot be decoded (${cause.message})`;
          return { kind: 'unreadable', cause: new UnreadableReply(what, { cause }), ...begun(bytes, encoding) };
        }),
      (error: unknown): ReplyBody => ({
        kind: 'unreadable',
        cause: causeOf(error),
        ...begun(Buffer.concat(chunks), encoding),
      }),
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
      const dispatcher = dispatchers.pool(call.url, limits.connectMs);
      const outcome = await exchange(dispatcher, call, limits, controller.signal).catch((error: unknown): Exchange => ({
        kind: 'failed',
        isSent: true,
        cause: causeOf(error),
      }));
      call.signal?.throwIfAborted();
      return outcome;
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener('abort', giveUp);
    }
  };

  const sendAlone = async (call: HttpCall, limits: EndpointTimeouts): Promise<Exchange> => {
    const { dispatcher, isDelivered } = dispatchers.alone(call.url, limits.connectMs, call.beforeSend);
    // A cancellation never cuts a submit short, since its outcome would be lost; only its own timeout does.
    const timer = setTimeout(() => void dispatcher.destroy(tooSlow(limits.totalMs)), limits.totalMs);
    try {
      return await exchange(dispatcher, call, limits);
    } catch (error) {
      return { kind: 'failed', isSent: isDelivered(), cause: causeOf(error) };
    } finally {
      clearTimeout(timer);
      await dispatcher.destroy();
    }
  };

  return {
    send(call) {
      const limits = { ...endpointTimeouts[call.endpoint], ...timeouts?.[call.endpoint] };
      return call.endpoint === 'submit' ? sendAlone(call, limits) : sendPooled(call, limits);
    },
    close: (options) => dispatchers.close(options),
  };
}

/** Reads a whole body. If it breaks off, `chunks` holds the part that arrived. */
async function collect(body: AsyncIterable<Buffer>, chunks: Buffer[]): Promise<Uint8Array> {
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The limit that a reply exceeds, in words; undefined for errors that another attempt may not meet. */
function limitOf(error: Error, maxReplyBytes: number): string | undefined {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'ERR_BUFFER_TOO_LARGE') {
    return `it is longer than the limit of ${String(maxReplyBytes)} bytes`;
  }
  return code === 'UND_ERR_HEADERS_OVERFLOW' ? 'its headers are longer than the limit of 256 KiB' : undefined;
}

function tooSlow(totalMs: number): Error {
  return new Error(`no whole answer within ${String(totalMs / 1000)} s`);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
