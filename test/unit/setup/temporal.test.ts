import { once } from 'node:events';
import { createServer } from 'node:http2';
import { type AddressInfo, createServer as createProxy } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openTemporal, TemporalUnreachableError } from '../../../setup/temporal.ts';

const address = '127.0.0.1:1';

describe('a connection to Temporal that does not come about', () => {
  it('names the address, and shows no key that a library prints', async () => {
    const apiKey = 's3cr3t\u0000value';
    const connectionOptions = { address, apiKey, tls: false, connectTimeout: 1_000 };
    const opening = openTemporal({ connectionOptions, namespace: 'default' });
    const error: unknown = await opening.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TemporalUnreachableError);
    expect(String(error)).toContain(address);
    expect(String(error)).not.toContain('s3cr3t');
  });
});

describe('a connection that is closed', () => {
  it('ends the calls that wait for their repeat: nothing is thrown where nobody can catch it', async () => {
    let status = '0';
    let refusals = 0;
    const server = await startTemporal(() => {
      if (status !== '0') refusals += 1;
      return status;
    });
    const { client, close } = await openTemporal({ connectionOptions: { address: server }, namespace: 'default' });
    status = '14';
    const call = client.workflowService.describeNamespace({});
    const failed = expect(call).rejects.toMatchObject({ code: 14 });
    // Each repeat is waited for longer than the one before: for half a second by now.
    await expect.poll(() => refusals).toBe(4);
    await sleep(50);
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

  it('is named where a server elsewhere cannot be reached through it, and not tried for ever behind the back of its caller', async () => {
    let tries = 0;
    const proxy = createProxy((socket) => {
      tries += 1;
      socket.destroy();
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    vi.stubEnv('http_proxy', `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`);
    const channelArgs = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 100 };
    const settings = {
      connectionOptions: { address: 'temporal.example:7233', connectTimeout: 1_000, channelArgs },
      namespace: 'default',
    };
    await expect(openTemporal(settings)).rejects.toThrow(/temporal\.example:7233 .*http_proxy.*no_proxy/);
    const triedBefore = tries;
    await sleep(1_000);
    // One may have been due.
    expect(tries - triedBefore).toBeLessThanOrEqual(1);
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
