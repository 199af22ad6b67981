import net from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { FailureType } from '../../../domain/failure-type.ts';
import { clientOf, errorOf, model, reply, serve, serveTcp, token } from '../../support/http-servers.ts';
import { freePort } from '../../support/processes.ts';

const html = '<html><body>Bad gateway</body></html>';
const vendor = (error_code: number | string, error_message = 'vendor words') => ({ error_code, error_message });
const answering = async (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const server = await serve((response) => {
    reply(response, status, body, headers);
  });
  return { server, client: clientOf(server.port) };
};

describe('reads of a request', () => {
  it('go to its status, result and cancel addresses, with the token', async () => {
    const { server, client } = await answering(200, { status: 'in_queue', result_url: 'https://elsewhere.example/r' });
    await client.status('a1b2');
    await client.result('a1b2', { model });
    await client.cancel('a1b2');
    await client.status('a1b2');
    expect(server.seen.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/requests/a1b2/status',
      'GET /v1/requests/a1b2/result?include_cost=true',
      'POST /v1/requests/a1b2/cancel',
      'GET /v1/requests/a1b2/status',
    ]);
    expect(server.seen.every(({ headers }) => headers.authorization === `Bearer ${token}`)).toBe(true);
    expect(server.seen[2]).toMatchObject({ body: '', headers: { 'content-length': '0' } });
  });

  it('give each of several addresses of the host the time of a way around the world and back', async () => {
    const { client } = await answering(200, { status: 'in_queue' });
    const connect = vi.spyOn(net, 'connect');
    onTestFinished(() => {
      connect.mockRestore();
    });
    await client.status('a1b2');
    const [[options] = []] = connect.mock.calls as unknown as [{ autoSelectFamilyAttemptTimeout?: number }][];
    expect(options?.autoSelectFamilyAttemptTimeout).toBeGreaterThanOrEqual(1_000);
  });

  it('wait no longer than their signal for a token that nobody gives', async () => {
    const server = await serve((response) => {
      reply(response, 200, { status: 'in_queue' });
    });
    const client = clientOf(server.port, { token: () => new Promise(() => undefined) });
    const caller = new AbortController();
    const reading = client.status('a1b2', { signal: caller.signal });
    const reason = new Error('given up');
    caller.abort(reason);
    await expect(reading).rejects.toBe(reason);
    expect(server.connections()).toBe(0);
  });

  it('use connections again', async () => {
    const { server, client } = await answering(200, { status: 'in_queue' });
    for (let read = 0; read < 20; read += 1) await client.status('a1b2');
    expect(server.connections()).toBeLessThan(5);
  });

  it.each(['', 'a/b', 'a b', '.', '..', 'x'.repeat(256)])('are not made for what is no request id (%j)', async (id) => {
    const { server, client } = await answering(200, {});
    const error = await errorOf(client.status(id));
    expect([error.type, error.isPermanent]).toEqual(['RequestNotFound', true]);
    expect(server.connections()).toBe(0);
  });

  const rows: [status: number, body: unknown, type: FailureType][] = [
    [400, vendor(400001), 'RequestNotFound'],
    [400, vendor(400002), 'InsufficientBalance'],
    [400, vendor(400004), 'Unauthenticated'],
    [400, vendor(404001), 'RequestNotFound'],
    [400, vendor(400003), 'InvalidInput'],
    [400, html, 'ServiceUnavailable'],
    [401, '', 'Unauthenticated'],
    [402, '', 'InsufficientBalance'],
    [403, { message: 'Forbidden' }, 'Unauthenticated'],
    [404, vendor(404001), 'RequestNotFound'],
    [404, html, 'ServiceUnavailable'],
    [410, vendor(404001), 'RequestNotFound'],
    [404, { detail: 'Not Found' }, 'RequestNotFound'],
    [404, { code: 404001, error: 'no' }, 'RequestNotFound'],
    [404, {}, 'ServiceUnavailable'],
    [408, '', 'ServiceUnavailable'],
    [410, '', 'ServiceUnavailable'],
    [422, vendor(422001), 'InvalidInput'],
    [429, '', 'RateLimited'],
    [500, vendor(500001), 'ServiceUnavailable'],
    [502, html, 'ServiceUnavailable'],
    [503, '', 'ServiceUnavailable'],
    [504, html, 'ServiceUnavailable'],
    [301, '', 'ServiceUnavailable'],
    [302, '', 'ServiceUnavailable'],
    [307, '', 'ServiceUnavailable'],
    [200, html, 'ServiceUnavailable'],
    [200, '', 'ServiceUnavailable'],
    [200, '{"status":"in_pro', 'ServiceUnavailable'],
    [200, vendor(401001), 'Unauthenticated'],
    [200, vendor(404001), 'RequestNotFound'],
    [200, vendor(500001), 'ServiceUnavailable'],
    [200, vendor('OOPS'), 'ServiceUnavailable'],
    [200, { ...vendor(500001), status: 'in_queue' }, 'ServiceUnavailable'],
    [200, [], 'ProtocolMismatch'],
    [200, null, 'ProtocolMismatch'],
    [200, 'true', 'ProtocolMismatch'],
  ];
  it.each(rows)('that get HTTP %i %j end as %s', async (status, body, type) => {
    const { server, client } = await answering(status, body, { location: 'http://127.0.0.1:1/' });
    for (const read of [client.status('a1b2'), client.result('a1b2', { model })]) {
      const error = await errorOf(read);
      expect([error.type, error.submission, error.httpStatus]).toEqual([type, undefined, status]);
      expect(error.message).toContain('a1b2');
    }
    expect(server.seen).toHaveLength(2);
  });

  it('of someone else’s request are refused for good, a token that is refused is not', async () => {
    const other = await answering(403, vendor(403001));
    expect(await errorOf(other.client.status('a1b2'))).toMatchObject({ type: 'Unauthenticated', isPermanent: true });
    const revoked = await answering(401, vendor(401001));
    expect((await errorOf(revoked.client.status('a1b2'))).isPermanent).toBeUndefined();
  });

  it('follow no redirect, so that the token goes nowhere else', async () => {
    const other = await serve((response) => {
      reply(response, 200, { status: 'completed' });
    });
    for (const status of [301, 302, 303, 307, 308]) {
      const { client } = await answering(status, '', {
        location: `http://127.0.0.1:${String(other.port)}/v1/requests/a/status`,
      });
      await errorOf(client.status('a1b2'));
      await errorOf(client.cancel('a1b2'));
      await errorOf(client.submit(model, {}));
    }
    expect(other.connections()).toBe(0);
  });

  it('say how long RunComfy asks to wait', async () => {
    const { client } = await answering(429, '', { 'retry-after': '3' });
    expect((await errorOf(client.status('a1b2'))).retryAfterMs).toBe(3_000);
  });

  it('end as ServiceUnavailable when there is no connection, no answer in time, or half of one', async () => {
    const closed = clientOf(await freePort());
    const reset = clientOf((await serveTcp((socket) => socket.once('data', () => socket.resetAndDestroy()))).port);
    const silent = clientOf((await serve(() => undefined)).port, { timeouts: { status: { headersMs: 100 } } });
    const late = clientOf((await serve(() => undefined)).port, { timeouts: { status: { totalMs: 100 } } });
    const cut = await serve((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"status":"completed"}', () => response.socket?.destroy());
    });
    const stalled = await serve((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"status"');
    });
    const slow = clientOf(stalled.port, { timeouts: { status: { bodyMs: 100 } } });
    for (const client of [closed, reset, silent, late, clientOf(cut.port), slow]) {
      const error = await errorOf(client.status('a1b2'));
      expect(error.type).toBe('ServiceUnavailable');
      expect(error.cause).toBeInstanceOf(Error);
    }
  });

  it('end with a reply that is too large', async () => {
    const { server } = await answering(200, { status: 'in_queue', filler: 'x'.repeat(10_000) });
    const error = await errorOf(clientOf(server.port, { maxReplyBytes: 1_000 }).status('a1b2'));
    expect(error.type).toBe('ProtocolMismatch');
  });

  it('can be given up, with the reason of the signal', async () => {
    const server = await serve(() => undefined);
    const controller = new AbortController();
    const read = clientOf(server.port).status('a1b2', { signal: controller.signal });
    const reason = new Error('no longer wanted');
    await expect.poll(() => server.seen.length).toBe(1);
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    await expect(clientOf(server.port).status('a1b2', { signal: controller.signal })).rejects.toBe(reason);
    expect(server.seen).toHaveLength(1);
  });

  it('are given up, and out of time, while their connection is still being made', async () => {
    // TLS waits for the other side, as a connection to a host that is cut off does.
    const silent = await serveTcp(() => undefined);
    const connectMs = 3_600_000;
    const client = clientOf(silent.port, {
      modelApiBase: `https://127.0.0.1:${String(silent.port)}/v1`,
      timeouts: { status: { connectMs, totalMs: 200 }, cancel: { connectMs }, catalogue: { connectMs } },
    });
    onTestFinished(() => client.close({ isAbrupt: true }));
    const late = await errorOf(client.status('a1b2'));
    expect([late.type, late.message]).toEqual([
      'ServiceUnavailable',
      expect.stringContaining('no whole answer within'),
    ]);
    const reason = new Error('no longer wanted');
    for (const call of [
      (signal: AbortSignal) => client.cancel('a1b2', { signal }),
      (signal: AbortSignal) => client.getModel(model, { signal }),
    ]) {
      const caller = new AbortController();
      const before = silent.connections();
      const calling = call(caller.signal);
      await expect.poll(() => silent.connections()).toBe(before + 1);
      caller.abort(reason);
      await expect(calling).rejects.toBe(reason);
    }
  });

  it('use the token of the moment', async () => {
    const { server } = await answering(200, { status: 'in_queue' });
    const tokens = ['first-token-1', 'second-token-2'];
    const client = clientOf(server.port, { token: () => tokens.shift() ?? '' });
    await client.status('a1b2');
    await client.status('a1b2');
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first-token-1',
      'Bearer second-token-2',
    ]);
    expect((await errorOf(client.status('a1b2'))).type).toBe('Unauthenticated');
  });
});

describe('a result that is not ready', () => {
  it.each([
    [200, { status: 'in_queue' }],
    [200, { status: 'IN_PROGRESS ' }],
    [400, vendor(400005)],
    [200, vendor(400005)],
  ])('is an answer, however RunComfy says it (HTTP %i %j)', async (status, body) => {
    const { client } = await answering(status, body);
    expect(await client.result('a1b2', { model })).toEqual({ status: 'not_ready' });
  });
});

describe('a request that failed', () => {
  it('is an answer, also with an error code beside its status', async () => {
    const { client } = await answering(200, { status: 'failed', ...vendor(500001, 'NSFW content') });
    expect(await client.status('a1b2')).toMatchObject({ status: 'failed' });
    expect(await client.result('a1b2', { model })).toEqual({
      status: 'failed',
      reason: 'NSFW content',
      vendorCode: 500001,
    });
  });
});

describe('a cancel', () => {
  it('whose reply has no body leaves the outcome open', async () => {
    const { client } = await answering(202, '');
    expect(await client.cancel('a1b2')).toEqual({});
  });

  it.each([
    [404, vendor(404001), 'RequestNotFound'],
    [500, '', 'ServiceUnavailable'],
    [202, html, 'ServiceUnavailable'],
  ])('that gets HTTP %i %j ends as %s', async (status, body, type) => {
    const { client } = await answering(status, body);
    expect((await errorOf(client.cancel('a1b2'))).type).toBe(type);
  });
});
