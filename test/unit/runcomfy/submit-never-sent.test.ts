import { afterEach, describe, expect, it, vi } from 'vitest';
import { clientOf, errorOf, model, reply, serve, serveTcp } from '../../support/http-servers.ts';
import { freePort } from '../../support/processes.ts';

const input = { prompt: 'A cat', start_image_url: 'https://cdn.example.com/cat.png' };

afterEach(() => {
  vi.useRealTimers();
});

describe('a submit that was never sent', () => {
  const neverSent = async (port: number, base?: string, connectMs = 10_000) => {
    const modelApiBase = base ?? `http://127.0.0.1:${String(port)}/v1`;
    const client = clientOf(port, { modelApiBase, timeouts: { submit: { connectMs } } });
    const error = await errorOf(client.submit(model, input));
    expect([error.type, error.submission, error.httpStatus]).toEqual(['ServiceUnavailable', 'not_sent', undefined]);
    return error;
  };

  it('when the connection is refused', async () => {
    const error = await neverSent(await freePort());
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.message).toContain('safe to try again');
    expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('when the host has no address', async () => {
    expect((await neverSent(0, `http://${'x'.repeat(64)}.invalid/v1`)).message).toContain('ENOTFOUND');
  });

  it('when the other side talks no TLS', async () => {
    const server = await serveTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await neverSent(server.port, `https://127.0.0.1:${String(server.port)}/v1`);
  });

  it('when the other side hangs up during the TLS handshake', async () => {
    const server = await serveTcp((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    await neverSent(server.port, `https://127.0.0.1:${String(server.port)}/v1`);
  });

  it('when the TLS handshake takes too long', async () => {
    const server = await serveTcp(() => undefined);
    await neverSent(server.port, `https://127.0.0.1:${String(server.port)}/v1`, 100);
  });

  it('when there is no token, or none that could be one', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const tokens = [() => '', () => 'two words', () => 'line\nbreak'];
    for (const read of tokens) {
      const error = await errorOf(clientOf(server.port, { token: read }).submit(model, input));
      expect([error.type, error.submission]).toEqual(['Unauthenticated', 'not_sent']);
      expect(error.message).not.toContain('line');
    }
    expect(server.connections()).toBe(0);
  });

  it('when the token cannot be read for a moment, which may be tried again', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const token = () => Promise.reject(new Error('no such file'));
    const error = await errorOf(clientOf(server.port, { token }).submit(model, input));
    expect([error.type, error.submission]).toEqual(['ServiceUnavailable', 'not_sent']);
    expect(server.connections()).toBe(0);
  });

  it('when whoever knows the token gives no answer', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const failed = errorOf(clientOf(server.port, { token: () => new Promise(() => undefined) }).submit(model, input));
    await vi.advanceTimersByTimeAsync(5_000);
    const error = await failed;
    expect([error.type, error.submission]).toEqual(['ServiceUnavailable', 'not_sent']);
    expect(server.connections()).toBe(0);
  });

  it('when it is not wanted any more once the connection stands, which is asked but once', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const beforeSend = vi.fn(() => {
      throw new Error('it is too late');
    });
    const error = await errorOf(clientOf(server.port).submit(model, input, { beforeSend }));
    expect([error.type, error.submission]).toEqual(['ServiceUnavailable', 'not_sent']);
    expect(error.message).toContain('it is too late');
    expect(beforeSend).toHaveBeenCalledTimes(1);
    expect(server.seen).toEqual([]);
  });

  it.each(['kling', 'a/../b', 'a/b?x=1', 'a/b/c/d/e/f', 'a//b', ''])('to a model id that is none (%j)', async (id) => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const error = await errorOf(clientOf(server.port).submit(id, input));
    expect([error.type, error.submission]).toEqual(['InvalidInput', 'not_sent']);
    expect(server.connections()).toBe(0);
  });

  it('when the input cannot be written as JSON', async () => {
    const error = await errorOf(clientOf(1).submit(model, { seed: 10n }));
    expect([error.type, error.submission]).toEqual(['InvalidInput', 'not_sent']);
  });
});
