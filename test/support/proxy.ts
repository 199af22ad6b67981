import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from './test-end.ts';

/** How a proxy fails a tunnel, in some cases depending on what is sent through it. */
export type TunnelFault = 'refuses' | 'hangs up' | 'cuts before the POST' | 'cuts after the POST';

export interface TestProxy {
  url: string;
  /** The hosts that tunnels were requested to. */
  tunnels: string[];
  /** The credentials that the proxy received. */
  credentials: (string | undefined)[];
  /** Makes the next tunnels fail in these ways, in order. */
  fail: (...faults: TunnelFault[]) => void;
}

/** Starts a proxy that opens tunnels to a local port, whatever host they are for, or fails them. */
export async function serveProxy(target: number | TunnelFault): Promise<TestProxy> {
  const tunnels: string[] = [];
  const credentials: (string | undefined)[] = [];
  let faults: TunnelFault[] = [];
  const server = createServer();
  server.on('connect', ({ url = '', headers }, socket) => {
    tunnels.push(url);
    credentials.push(headers['proxy-authorization']);
    socket.on('error', () => undefined);
    const fault = typeof target === 'string' ? target : faults[0];
    if (fault === 'hangs up') {
      faults.shift();
      socket.destroy();
      return;
    }
    if (fault === 'refuses') {
      faults.shift();
      socket.end('HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\r\n');
      return;
    }
    const upstream = connect(Number(target), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    });
    upstream.on('error', () => socket.destroy());
    upstream.on('close', () => socket.end());
    socket.on('close', () => upstream.destroy());
    socket.on('data', (bytes: Buffer) => {
      const isPost = bytes.toString('latin1').startsWith('POST');
      const cut = isPost && faults[0]?.startsWith('cuts') ? faults.shift() : undefined;
      if (cut === 'cuts before the POST') socket.destroy();
      else upstream.write(bytes);
      // The reply proves that the origin received the whole request.
      if (cut === 'cuts after the POST') upstream.once('data', () => socket.destroy());
      else if (cut === undefined && !upstream.listenerCount('data'))
        upstream.on('data', (reply) => socket.write(reply));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    tunnels,
    credentials,
    fail: (...next) => {
      faults = next;
    },
  };
}
