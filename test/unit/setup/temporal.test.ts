import { once } from 'node:events';
import { createServer } from 'node:http2';
import { type AddressInfo, createServer as createProxy } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openTemporal, openTemporalBy, TemporalUnreachableError } from '../../../setup/temporal.ts';

const address = '127.0.0.1:1';

describe('a connection to Temporal that does not come about', () => {
  it('names the address, and shows no key that a library prints', async () => {
    const apiKey = 's3cr3t\u0000value';
    const settings = { connectionOptions: { address, apiKey, tls: false }, namespace: 'default' };
    const opening = openTemporalBy((options) => Connection.connect(options), settings);
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TemporalUnreachableError);
    expect(String(error)).toContain(address);
    expect(String(error)).not.toContain('s3cr3t');
  });
});

describe('a connection that is closed', () => {
  it('ends the calls that wait for their repeat: nothing is thrown where nobody can catch it', async () => {
    let status = '0';
    const server = await startTemporal(() => status);
    const { client, close } = await openTemporal({ connectionOptions: { address: server }, namespace: 'default' });
    status = '14';
    const call = client.workflowService.describeNamespace({});
    const failed = expect(call).rejects.toMatchObject({ code: 14 });
    await sleep(1_000);
    const thrown: unknown[] = [];
    const note = (error: unknown) => thrown.push(error);
    process.prependListener('uncaughtException', note);
    onTestFinished(() => void process.off('uncaughtException', note));
    await close();
    await failed;
    await sleep(6_000);
    expect(thrown).toEqual([]);
  });
});

describe('a proxy of the environment', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each(['http_proxy', 'https_proxy', 'grpc_proxy'])(
    'in %s is left out for a server on loopback',
    async (variable) => {
      const server = await startTemporal();
      vi.stubEnv(variable, 'http://127.0.0.1:9');
      const { close } = await openTemporal({
        connectionOptions: { address: server },
        namespace: 'default',
      });
      await close();
    },
  );

  it('is named where a server elsewhere cannot be reached through it', async () => {
    const proxy = createProxy((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    vi.stubEnv('http_proxy', `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`);
    const settings = {
      connectionOptions: { address: 'temporal.example:7233' },
      namespace: 'default',
    };
    await expect(openTemporal(settings)).rejects.toThrow(/temporal\.example:7233 .*http_proxy.*no_proxy/);
  });
});

/** A server that answers every call with an empty message and a status, as far as a connection asks. */
async function startTemporal(statusOf = () => '0'): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => {
      stream.sendTrailers({ 'grpc-status': statusOf() });
    });
    stream.end(Buffer.alloc(5));
  });
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}
