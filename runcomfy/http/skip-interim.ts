import type { Socket } from 'node:net';

const interim = /^HTTP\/1\.[01] 1(?!01)\d\d$/;
/** Stands in for the part of the status line that has not arrived yet. */
const sample = 'HTTP/1.1 100';
const headEnd = '\r\n\r\n';

/** Limit on an interim reply, in bytes: they are short, and anything longer is passed on. */
const maxInterimBytes = 16_384;

/**
 * Makes a socket skip interim (1xx) replies. A server may send `100 Continue` unasked, even several times, and undici
 * treats it as an error: the outcome of an order would be unknown although its reply is complete. Only the beginning of
 * a reply is examined. `101` switches the protocol and is passed on.
 */
export function skipInterim<AnySocket extends Socket>(socket: AnySocket): AnySocket {
  const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
  const write = socket.write.bind(socket) as (...data: unknown[]) => boolean;
  let isReplyAwaited = true;
  let held: Buffer = Buffer.alloc(0);

  socket.write = (...data: unknown[]) => {
    isReplyAwaited = true;
    return write(...data);
  };
  socket.read = (size?: number) => {
    const chunk = read(size);
    if (!isReplyAwaited || chunk === null) return chunk;
    held = Buffer.concat([held, chunk]);
    while (isInterim(held)) {
      const end = held.indexOf(headEnd);
      if (end < 0) {
        // The rest of it is still to come.
        if (held.length < maxInterimBytes) return null;
        break;
      }
      held = held.subarray(end + headEnd.length);
    }
    if (held.length === 0) return null;
    const reply = held;
    held = Buffer.alloc(0);
    isReplyAwaited = false;
    return reply;
  };
  return socket;
}

/** Whether bytes are, or may become, the head of an interim reply. */
function isInterim(bytes: Buffer): boolean {
  if (bytes.length === 0) return false;
  const begin = bytes.subarray(0, sample.length).toString('latin1');
  return interim.test(begin + sample.slice(begin.length));
}
