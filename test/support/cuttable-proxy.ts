import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { onTestFinished } from 'vitest';

/** Stands before a server, so that it can go away for a while without being stopped. */
export interface CuttableProxy {
  readonly address: string;
  /** Drops every connection and refuses new ones. */
  readonly cut: () => void;
  readonly restore: () => void;
}

/** A TCP proxy in front of `address` (host:port) that ends with the test. */
export async function startCuttableProxy(address: string): Promise<CuttableProxy> {
  const [host = '127.0.0.1', port = '0'] = address.split(':');
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.once('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    drop();
    await closed;
  });
  const bound = server.address();
  return {
    address: `127.0.0.1:${String(typeof bound === 'object' && bound !== null ? bound.port : 0)}`,
    cut() {
      isCut = true;
      drop();
    },
    restore() {
      isCut = false;
    },
  };
}
