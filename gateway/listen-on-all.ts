import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Listens on every address of a host, since `localhost` may have two; returns a function that stops listening on all
 * but the first. All connections are passed to one server: the framework would create another for each address, without
 * the listeners that ours has.
 */
export async function listenOnAll(
  app: FastifyInstance,
  { host, port }: { host: string; port: number },
  addresses = host === 'localhost' ? addressesOf(host) : Promise.resolve([host]),
): Promise<() => Promise<void>> {
  const [first = host, ...more] = new Set(await addresses);
  await app.listen({ host: first, port });
  const bound = app.server.address() as AddressInfo;
  const listening = await Promise.all(more.map((address) => openAddress(app, { host: address, port: bound.port })));
  const others = listening.filter((server) => server !== undefined);
  return async () => {
    await Promise.all(others.map((server) => once(server.close(), 'close')));
  };
}

/** A machine without IPv6 may still list an IPv6 address. */
async function addressesOf(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: 'ipv4first' });
  return found.map(({ address }) => address);
}

/** Undefined if the address cannot be used; the first one suffices. */
async function openAddress(app: FastifyInstance, address: { host: string; port: number }): Promise<Server | undefined> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    app.server.emit('connection', socket);
  });
  try {
    await once(server.listen(address), 'listening');
    return server;
  } catch {
    return undefined;
  }
}
