import type { Socket } from 'node:net';

const interim = 'HTTP/1.1 100';
const headEnd = '\r\n\r\n';

/** An interim reply is a few bytes; what is longer is none. */
const maxInterimBytes = 16_384;

/**
 * Makes a socket leave out `100 Continue`, which a server may send unasked and undici takes for an error: the order
 * would be of unknown outcome although its reply is whole. Only what begins a reply is looked at.
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

/** Whether bytes are, or may become, the head of a `100 Continue`. */
function isInterim(bytes: Buffer): boolean {
  if (bytes.length === 0) return false;
  const begin = bytes.subarray(0, interim.length).toString('latin1').replace('HTTP/1.0', 'HTTP/1.1');
  return interim.startsWith(begin);
}
