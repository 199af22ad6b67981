import type { Socket } from 'node:net';
import { buildConnector } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { recordDelivery } from '../../../runcomfy/record-delivery.ts';
import { serveTcp } from '../../support/http-servers.ts';
import { freePort } from '../../support/processes.ts';

function connectTo(port: number, connect: buildConnector.connector): Promise<Socket | Error> {
  const options = { hostname: '127.0.0.1', host: '127.0.0.1', protocol: 'http:', port: String(port) };
  return new Promise((resolve) => {
    connect(options, (error, socket) => {
      if (socket) onTestFinished(() => void socket.destroy());
      resolve(error ?? socket);
    });
  });
}

describe('the connector of a submit', () => {
  it('tells that a socket was delivered', async () => {
    const server = await serveTcp(() => undefined);
    const connection = recordDelivery(buildConnector({}));
    expect(connection.isDelivered()).toBe(false);
    expect(await connectTo(server.port, connection.connect)).not.toBeInstanceOf(Error);
    expect(connection.isDelivered()).toBe(true);
  });

  it('tells that none was when the connection is refused, and may try again', async () => {
    const connection = recordDelivery(buildConnector({}));
    expect(await connectTo(await freePort(), connection.connect)).toBeInstanceOf(Error);
    expect(connection.isDelivered()).toBe(false);
    const server = await serveTcp(() => undefined);
    expect(await connectTo(server.port, connection.connect)).not.toBeInstanceOf(Error);
  });

  it('never gives a second socket, so that one submit cannot become two', async () => {
    const server = await serveTcp(() => undefined);
    const connection = recordDelivery(buildConnector({}));
    await connectTo(server.port, connection.connect);
    expect(await connectTo(server.port, connection.connect)).toBeInstanceOf(Error);
    expect(server.connections()).toBe(1);
  });
});
