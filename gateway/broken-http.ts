import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { RefusalError } from './http/refusal-error.ts';
import { replyHeaders, requestIdOf } from './http/reply-headers.ts';
import { refusalReply } from './refusal-reply.ts';

/** What Node tells of bytes that it could make no request of. */
interface BrokenHttp {
  code?: string | undefined;
  rawPacket?: unknown;
}

const maxToldPath = 200;
const hangUpAfterMs = 1_000;

/** The last call of each connection: what breaks it off later tells nothing of it. */
const calls = new WeakMap<Duplex, IncomingMessage>();

/** Remembers what its connection is busy with. */
export function noteCall(call: IncomingMessage): void {
  calls.set(call.socket, call);
}

/**
 * What is no HTTP, too large or too slow never becomes a request: it is answered by hand, in the words of the API it asks.
 * Gives the status that was answered.
 */
export function answerBrokenHttp(error: BrokenHttp, socket: Duplex, publicUrl?: string): number | undefined {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return undefined;
  }
  const call = calls.get(socket);
  // Behind a whole call comes another. One whose headers have not all come has a path in its first packet alone.
  const { url, id } = call?.complete === false ? callOf(call) : { url: pathIn(error.rawPacket), id: randomUUID() };
  return answerByHand(refusalOf(error), socket, { url, id, publicUrl });
}

/** A tunnel is asked for: Node hands over the bare connection, and hangs up without a word where nobody takes it. */
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
  // Whoever never hangs up, or goes on sending, is hung up on: the server knows of this connection no longer.
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

/** The path that a request line at the beginning of these bytes names; else that of nothing. */
function pathIn(bytes: unknown): string {
  const line = Buffer.isBuffer(bytes) ? bytes.toString('latin1', 0, maxToldPath) : '';
  const [, path] = /^[A-Z]+ (\/[!-~]*)/.exec(line) ?? [];
  return path ?? '/';
}
