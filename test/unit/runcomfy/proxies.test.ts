import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createOutputCheck } from '../../../runcomfy/output-gone.ts';
import { clientOf, errorOf, model, reply, serve, serveTcp } from '../../support/http-servers.ts';
import { freePort } from '../../support/processes.ts';
import { serveProxy } from '../../support/proxy.ts';

const elsewhere = 'http://model-api.example/v1';

afterEach(() => {
  vi.restoreAllMocks();
});

const answering = () =>
  serve((response) => {
    reply(response, 200, { request_id: 'a1b2', status: 'in_queue' });
  });

describe('calls through a proxy', () => {
  it('reach RunComfy by a tunnel, submits and reads alike', async () => {
    const server = await answering();
    const proxy = await serveProxy(server.port);
    const client = clientOf(server.port, { modelApiBase: elsewhere, proxies: { httpProxy: proxy.url } });
    expect(await client.submit(model, { prompt: 'x' })).toMatchObject({ requestId: 'a1b2' });
    expect(await client.status('a1b2')).toMatchObject({ status: 'in_queue' });
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'GET']);
    expect(new Set(proxy.tunnels)).toEqual(new Set(['model-api.example:80']));
  });

  it.each(['refuses', 'hangs up'] as const)('are provably unsent where the proxy %s', async (how) => {
    const proxy = await serveProxy(how);
    const client = clientOf(1, { modelApiBase: elsewhere, proxies: { httpProxy: proxy.url } });
    const error = await errorOf(client.submit(model, {}));
    expect([error.type, error.submission]).toEqual(['ServiceUnavailable', 'not_sent']);
    expect(proxy.tunnels).toHaveLength(1);
  });

  it('are provably unsent where the proxy is down, or the tunnel leads to no TLS', async () => {
    const down = `http://127.0.0.1:${String(await freePort())}`;
    const toDown = clientOf(1, { modelApiBase: elsewhere, proxies: { httpProxy: down } });
    expect((await errorOf(toDown.submit(model, {}))).submission).toBe('not_sent');
    const server = await answering();
    const proxy = await serveProxy(server.port);
    const modelApiBase = 'https://model-api.example/v1';
    const toPlain = clientOf(1, { modelApiBase, proxies: { httpsProxy: proxy.url } });
    expect((await errorOf(toPlain.submit(model, {}))).submission).toBe('not_sent');
    expect(server.seen).toHaveLength(0);
  });

  it('are provably unsent where they are not wanted any more once the tunnel stands', async () => {
    const server = await answering();
    const proxy = await serveProxy(server.port);
    const client = clientOf(1, { modelApiBase: elsewhere, proxies: { httpProxy: proxy.url } });
    const beforeSend = () => {
      throw new Error(`too late after ${String(proxy.tunnels.length)} tunnel`);
    };
    const error = await errorOf(client.submit(model, {}, { beforeSend }));
    expect([error.submission, error.message]).toEqual(['not_sent', expect.stringContaining('too late after 1 tunnel')]);
    expect(server.seen).toEqual([]);
  });

  it('are of unknown outcome once the tunnel has been handed over', async () => {
    const server = await serve((response) => {
      response.socket?.destroy();
    });
    const proxy = await serveProxy(server.port);
    const client = clientOf(1, { modelApiBase: elsewhere, proxies: { httpProxy: proxy.url } });
    expect((await errorOf(client.submit(model, {}))).submission).toBe('unknown');
    expect(server.seen).toHaveLength(1);
  });

  it.each(['refuses', 'hangs up'] as const)('ask a proxy once that %s, reads and cancels too', async (how) => {
    const proxy = await serveProxy(how);
    for (const modelApiBase of [elsewhere, 'https://model-api.example/v1']) {
      const client = clientOf(1, { modelApiBase, proxies: { httpProxy: proxy.url } });
      for (const call of [() => client.status('a1b2'), () => client.cancel('a1b2'), () => client.listCategories()]) {
        const before = proxy.tunnels.length;
        expect((await errorOf(call())).type).toBe('ServiceUnavailable');
        expect(proxy.tunnels.length - before).toBe(1);
      }
    }
  });

  it('ask a proxy once that sends a page of its own through the tunnel', async () => {
    const page = 'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n<html/>';
    const proxy = await serveTcp((socket) => socket.once('data', () => socket.end(page)));
    const proxies = { httpProxy: `http://127.0.0.1:${String(proxy.port)}` };
    for (const modelApiBase of [elsewhere, 'https://model-api.example/v1']) {
      const before = proxy.connections();
      expect((await errorOf(clientOf(1, { modelApiBase, proxies }).status('a1b2'))).type).toBe('ServiceUnavailable');
      expect(proxy.connections() - before).toBe(1);
    }
  });

  it('give a tunnel that the proxy does not open no longer than any connection', async () => {
    const proxy = await serveTcp(() => undefined);
    const proxies = { httpProxy: `http://127.0.0.1:${String(proxy.port)}` };
    const timeouts = { status: { connectMs: 200, totalMs: 3_600_000 } };
    const error = await errorOf(clientOf(1, { modelApiBase: elsewhere, proxies, timeouts }).status('a1b2'));
    expect([error.type, error.message]).toEqual(['ServiceUnavailable', expect.stringContaining('Headers Timeout')]);
  });

  it('are not sent any more where they were given up before the tunnel stood', async () => {
    const tunnels: Socket[] = [];
    const came: string[] = [];
    const proxy = await serveTcp((socket) => {
      socket.once('data', () => {
        tunnels.push(socket);
        socket.on('data', (bytes) => came.push(bytes.toString()));
      });
    });
    const proxies = { httpProxy: `http://127.0.0.1:${String(proxy.port)}` };
    const client = clientOf(1, { modelApiBase: elsewhere, proxies });
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [client.status('a1b2', { signal }), client.cancel('a1b2', { signal })];
    await expect.poll(() => tunnels.length).toBe(calls.length);
    const reason = new Error('no longer wanted');
    controller.abort(reason);
    for (const call of calls) await expect(call).rejects.toBe(reason);
    const closed = tunnels.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    for (const socket of tunnels) socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    await Promise.all(closed);
    expect(came).toEqual([]);
  });

  it('go directly to loopback and to hosts that the settings name', async () => {
    const server = await answering();
    const proxies = { httpProxy: `http://127.0.0.1:${String(await freePort())}` };
    expect(await clientOf(server.port, { proxies }).submit(model, {})).toMatchObject({ requestId: 'a1b2' });
    expect(await clientOf(server.port, { proxies }).status('a1b2')).toMatchObject({ status: 'in_queue' });
    const named = { ...proxies, noProxy: 'other.example,.invalid' };
    // No name is that long: it is refused here, and no resolver asked that may not answer.
    const modelApiBase = `http://${'x'.repeat(64)}.invalid/v1`;
    const error = await errorOf(clientOf(1, { modelApiBase, proxies: named }).submit(model, {}));
    expect([error.submission, error.message]).toEqual(['not_sent', expect.stringContaining('ENOTFOUND')]);
  });
});

it('whether a file is still there is asked by the proxy as well', async () => {
  const server = await serve((response) => {
    response.writeHead(404).end();
  });
  const proxy = await serveProxy(server.port);
  const isGone = createOutputCheck({ modelApiBase: elsewhere, proxies: { httpProxy: proxy.url } });
  expect(await isGone('http://model-api.example/files/clip.mp4')).toBe(true);
  expect(proxy.tunnels).toEqual(['model-api.example:80']);
});

it('whether a file is still there is not waited for where the proxy says nothing', async () => {
  const proxy = await serveTcp(() => undefined);
  const hurried = AbortSignal.timeout(100);
  const limits = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(hurried);
  const isGone = createOutputCheck({
    modelApiBase: elsewhere,
    proxies: { httpProxy: `http://127.0.0.1:${String(proxy.port)}` },
  });
  const since = performance.now();
  expect(await isGone('http://model-api.example/files/clip.mp4')).toBe(false);
  expect(performance.now() - since).toBeLessThan(2_500);
  expect(limits.mock.calls).toEqual([[3_000]]);
});
