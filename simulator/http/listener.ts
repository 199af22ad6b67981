import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** The listening socket, which can be taken down for a while. */
export interface Listener {
  readonly port: number;
  /** For a while, refuses connections or accepts and resets them. Open connections are reset in both modes. */
  outage: (ms: number, mode: 'refuse' | 'reset') => Promise<void>;
  close: () => Promise<void>;
}

const keepAliveMs = 75_000;
const retryListenMs = 50;

/** Listens on a port of `host`; port 0 takes any free one. */
export async function startListener(host: string, wantedPort: number, onRequest: RequestListener): Promise<Listener> {
  const sockets = new Set<Socket>();
  let isResetting = false;
  let timer: NodeJS.Timeout | undefined;
  let server = create();
  await bind(server, host, wantedPort);
  const { port } = server.address() as AddressInfo;

  function create(): Server {
    const created = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, onRequest);
    created.on('connection', (socket) => {
      if (isResetting) {
        socket.resetAndDestroy();
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    return created;
  }

  function dropConnections(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  async function stopListening(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    dropConnections();
    await closed;
  }

  async function resume(): Promise<void> {
    isResetting = false;
    timer = undefined;
    if (server.listening) return;
    server = create();
    try {
      await bind(server, host, port);
    } catch {
      timer = setTimeout(() => void resume(), retryListenMs);
    }
  }

  return {
    port,
    async outage(ms, mode) {
      if (timer !== undefined) clearTimeout(timer);
      if (mode === 'refuse') {
        await stopListening();
      } else {
        isResetting = true;
        dropConnections();
      }
      timer = setTimeout(() => void resume(), ms);
    },
    async close() {
      if (timer !== undefined) clearTimeout(timer);
      await stopListening();
    },
  };
}

function bind(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
