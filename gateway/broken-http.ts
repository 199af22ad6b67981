import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { RefusalError } from './http/refusal-error.ts';
import { replyHeaders, requestIdOf } from './http/reply-headers.ts';
import { refusalReply } from './refusal-reply.ts';

/** An error of Node's parser, for bytes that are not a valid request. */
interface BrokenHttp {
  code?: string | undefined;
  rawPacket?: unknown;
}

const maxToldPath = 200;
const hangUpAfterMs = 1_000;

/** The last request of each connection; later errors of the connection do not carry it. */
const calls = new WeakMap<Duplex, IncomingMessage>();

/** Records the request that a connection is busy with. */
export function noteCall(call: IncomingMessage): void {
  calls.set(call.socket, call);
}

/**
 * Answers bytes that never become a request (not HTTP, too large, too slow), in the error format of the API they
 * address. Returns the status that was sent.
 */
export function answerBrokenHttp(error: BrokenHttp, socket: Duplex, publicUrl?: string): number | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const call = calls.get(socket);
  // After a complete request, the broken bytes belong to another one. If not all of its headers arrived, the path can
  // only be read from the first packet.
  const { url, id } = call?.complete === false ? callOf(call) : { url: pathIn(error.rawPacket), id: randomUUID() };
  return answerByHand(refusalOf(error), socket, { url, id, publicUrl });
}

/** Refuses a CONNECT request: Node hands over the bare socket, and closes it without an answer if nobody takes it. */
export function refuseTunnel(socket: Duplex, publicUrl?: string): number {
  const refusal = new RefusalError('MethodNotAllowed', 'this is no proxy');
  return answerByHand(refusal, socket, { url: '/', id: randomUUID(), publicUrl });
}

function answerByHand(
  refusal: RefusalError,
  socket: Duplex,
  { url, id, publicUrl }: { url: string; id: string; publicUrl: string | undefined },
): number {
  const { status, headers, body } = refusalReply(refusal, { id, url });
  const bytes = JSON.stringify(body);
  const all = {
    ...replyHeaders(publicUrl),
    ...headers,
    'x-request-id': id,
    'content-length': String(Buffer.byteLength(bytes)),
    connection: 'close',
  };
  // The server no longer tracks this connection, so it is closed here if the client does not close it or keeps sending.
  socket.resume();
  const hangUp = setTimeout(() => socket.destroy(), hangUpAfterMs);
  socket.once('close', () => {
    clearTimeout(hangUp);
  });
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${String(status)} Refused\r\n${lines.join('')}\r\n${bytes}`);
  return status;
}

function refusalOf({ code }: BrokenHttp): RefusalError {
  if (code === 'HPE_HEADER_OVERFLOW') return new RefusalError('HeadersTooLarge', 'the headers are longer than 16 KiB');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new RefusalError('TooSlow', 'the request did not arrive in time');
  return new RefusalError('MalformedRequest', 'the request is not well formed HTTP');
}

function callOf(call: IncomingMessage): { url: string; id: string } {
  return { url: call.url ?? '/', id: requestIdOf(call) };
}

/** The path of a request line at the beginning of the bytes; `/` if there is none. */
function pathIn(bytes: unknown): string {
  const line = Buffer.isBuffer(bytes) ? bytes.toString('latin1', 0, maxToldPath) : '';
  const [, path] = /^[A-Z]+ (\/[!-~]*)/.exec(line) ?? [];
  return path ?? '/';
}
