import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { createScrubber } from '../../../../runcomfy/token/scrub.ts';
import { clientOf, errorOf, model, reply, serve, serveTcp, token } from '../../../support/http-servers.ts';

/** Everything that a log or a history could show of an error. */
const shown = (error: Error) =>
  [
    inspect(error, { depth: 20, showHidden: true }),
    JSON.stringify(Object.entries(error)),
    error.message,
    error.stack,
    inspect(error.cause),
  ].join('\n');

describe('the token', () => {
  const echoes: [name: string, status: number, body: unknown, headers?: Record<string, string>][] = [
    ['in the message', 401, { error_code: 401001, error_message: `bad token ${token}` }],
    ['in a nested error', 400, { error: { message: { detail: `x${token}y` } } }],
    ['in the issues', 422, { detail: [{ loc: ['body', token], msg: `header ${token}` }] }],
    ['in the code', 400, { error_code: token }],
    ['in HTML', 502, `<p>Authorization: Bearer ${token}</p>`],
    ['with escapes', 403, `{"message":"\\u0073${token.slice(1)}"}`],
    ['in a 200 without an id', 200, { headers: { authorization: `Bearer ${token}` } }],
    ['in a 200 that is no object', 200, [[`Bearer ${token}`]]],
    ['in a redirect', 302, '', { location: `https://elsewhere.example/?t=${token}` }],
    ['in Retry-After', 429, '', { 'retry-after': token }],
  ];
  it.each(echoes)('does not come back %s', async (_name, status, body, headers) => {
    const server = await serve((response) => {
      reply(response, status, body, headers);
    });
    const client = clientOf(server.port);
    for (const call of [client.submit(model, {}), client.cancel('a1b2'), client.getModel('a/b'), client.balance()]) {
      const outcome = await call.catch((error: unknown) => error);
      const text = outcome instanceof Error ? shown(outcome) : JSON.stringify(outcome);
      expect(text).not.toContain(token);
    }
    expect(server.seen).toHaveLength(4);
  });

  it('does not come back in a result, wherever it stands', async () => {
    const server = await serve((response) => {
      reply(response, 200, {
        status: 'failed',
        error: [{ error: `e ${token}`, details: token }],
        input: { [token]: [token] },
      });
    });
    const result = await clientOf(server.port).result('a1b2', { model });
    expect(JSON.stringify(result)).not.toContain(token);
    expect(result).toMatchObject({ status: 'failed', reason: 'e [token]' });
  });

  it('does not come back as a status word', async () => {
    const server = await serve((response) => {
      reply(response, 200, { status: token });
    });
    expect(await clientOf(server.port).status('a1b2')).toEqual({ status: 'unrecognized', statusWord: '[token]' });
  });

  it('does not stand in the errors of broken connections', async () => {
    const reset = await serveTcp((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const echo = await serveTcp((socket) => socket.pipe(socket));
    for (const { port } of [reset, echo]) {
      const client = clientOf(port);
      expect(shown(await errorOf(client.submit(model, {})))).not.toContain(token);
      expect(shown(await errorOf(client.status('a1b2')))).not.toContain(token);
    }
  });

  it('is masked even when it was rotated since', async () => {
    const server = await serve((response) => {
      reply(response, 401, { error_message: 'was old-token-1, is new-token-2' });
    });
    const tokens = ['old-token-1', 'new-token-2'];
    const client = clientOf(server.port, { token: () => tokens.shift() ?? 'new-token-2' });
    await errorOf(client.status('a1b2'));
    expect((await errorOf(client.status('a1b2'))).vendorMessage).toBe('was [token], is [token]');
  });

  it('that is a common word is masked as such alone, so that ids and URLs stay whole', async () => {
    const server = await serve((response) => {
      reply(response, 200, { status: 'succeeded', output: { video: 'https://cdn.example.test/test.mp4' } });
    });
    const result = await clientOf(server.port, { token: () => 'test' }).result('test-1', { model });
    expect(result).toMatchObject({ output: { videos: ['https://cdn.example.test/test.mp4'] } });
    const scrubber = createScrubber();
    scrubber.remember('test');
    expect(scrubber.json({ token: 'test', header: 'Authorization: Bearer test, tested' })).toEqual({
      token: '[token]',
      header: 'Authorization: Bearer [token], tested',
    });
  });

  it('is masked where a reply was cut in the middle of it', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-length': '500' });
      response.write(`{"echo":"${token}","again":"${token.slice(0, 9)}`, () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, {}));
    expect(error.reply).toBe('{"echo":"[token]","again":"');
  });

  it('does not come back but for its last character, where a server cut what it echoes', async () => {
    const cut = `bad header: Bearer ${token.slice(0, -1)}`;
    for (const body of [cut, `{"error":"${cut}`, { error: cut }, { error_code: 500001, error_message: cut }]) {
      const server = await serve((response) => {
        reply(response, 500, body);
      });
      const client = clientOf(server.port);
      const { message, reply: kept } = await errorOf(client.submit(model, {}));
      expect(message).toContain('bad header: Bearer');
      expect(`${message} ${kept ?? ''} ${shown(await errorOf(client.status('a1b2')))}`).not.toContain(
        token.slice(0, 12),
      );
    }
  });

  it('takes no letter from a text that ends like it begins', async () => {
    const server = await serve((response) => {
      reply(response, 502, 'Bad Gateways');
    });
    expect((await errorOf(clientOf(server.port).submit(model, {}))).reply).toBe('Bad Gateways');
    const scrubber = createScrubber();
    scrubber.remember('clip-of-a-secret');
    expect(scrubber.json(['https://c/clip', 'https://c/clip-of'])).toEqual(['https://c/clip', 'https://c/clip-of']);
  });

  it('is masked whole where one token contains another', () => {
    const scrubber = createScrubber();
    scrubber.remember('abcdefgh');
    scrubber.remember('abcdefghij');
    expect(scrubber.text('abcdefghij abcdefgh')).toBe('[token] [token]');
  });
});
