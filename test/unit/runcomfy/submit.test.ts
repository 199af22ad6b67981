import { describe, expect, it } from 'vitest';
import type { FailureType } from '../../../domain/failure-type.ts';
import { clientOf, closedPort, errorOf, model, reply, serve, serveTcp, token } from './http-servers.ts';

const input = { prompt: 'A cat', start_image_url: 'https://cdn.example.com/cat.png' };
const html = '<html><body>Bad gateway</body></html>';
const vendor = (error_code: number | string, error_message = 'vendor words') => ({ error_code, error_message });

describe('a submit that is accepted', () => {
  it.each([
    [200, { request_id: 'a1b2', status_url: 'https://elsewhere.example/x' }],
    [202, { request_id: 'a1b2', status: 'in_queue' }],
    [201, { request_id: 'a1b2', error_code: null }],
    [200, { request_id: 'a1b2', error_code: 0 }],
  ])('gives the request id (HTTP %i, %j)', async (status, body) => {
    const server = await serve((response) => {
      reply(response, status, body);
    });
    const accepted = await clientOf(server.port).submit(model, input);
    expect(accepted.requestId).toBe('a1b2');
    expect(Date.parse(accepted.receivedAt)).toBeGreaterThan(0);
  });

  it('sends the input exactly as given, to the model, with the token', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const odd = { z: 1, a: [null, { 'b c': 'ü' }], prompt: '' };
    await clientOf(server.port).submit('kling/kling-video-o3/4K/image-to-video', odd);
    expect(server.seen).toHaveLength(1);
    const [{ method, path, headers, body } = { method: '', path: '', headers: {}, body: '' }] = server.seen;
    expect([method, path, body]).toEqual([
      'POST',
      '/v1/models/kling/kling-video-o3/4K/image-to-video',
      JSON.stringify(odd),
    ]);
    expect(headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': expect.stringMatching(/^runcomfy-temporal\/\d/),
      'x-runcomfy-client': 'runcomfy-temporal',
    });
  });

  it('opens a fresh connection each time', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const client = clientOf(server.port);
    for (let round = 0; round < 3; round += 1) await client.submit(model, input);
    await Promise.all([client.submit(model, input), client.submit(model, input)]);
    expect(server.connections()).toBe(5);
    expect(server.seen).toHaveLength(5);
  });
});

describe('a submit that was refused', () => {
  const rows: [status: number, body: unknown, type: FailureType][] = [
    [400, vendor(400001), 'InvalidInput'],
    [400, vendor(400002), 'InsufficientBalance'],
    [400, vendor(400004), 'Unauthenticated'],
    [400, vendor(10001), 'InsufficientBalance'],
    [400, vendor(422001), 'InvalidInput'],
    [400, { message: 'no' }, 'InvalidInput'],
    [400, html, 'InvalidInput'],
    [401, vendor(401001), 'Unauthenticated'],
    [401, '', 'Unauthenticated'],
    [402, vendor(402001), 'InsufficientBalance'],
    [402, '', 'InsufficientBalance'],
    [403, { message: 'Forbidden' }, 'Unauthenticated'],
    [404, vendor(404001), 'InvalidInput'],
    [409, vendor(409001), 'InvalidInput'],
    [413, html, 'InvalidInput'],
    [422, vendor(422001), 'InvalidInput'],
    [429, vendor(429001), 'RateLimited'],
    [429, '', 'RateLimited'],
    [503, vendor(503001), 'ServiceUnavailable'],
    [503, { error_message: 'maintenance' }, 'ServiceUnavailable'],
    [200, vendor(403003), 'Unauthenticated'],
    [200, vendor(400001), 'InvalidInput'],
    [200, vendor('400002'), 'InsufficientBalance'],
    [202, vendor(10001), 'InsufficientBalance'],
    [200, { ...vendor(422001), request_id: 'trace-1' }, 'InvalidInput'],
    [200, vendor(429001), 'RateLimited'],
    [200, vendor(503001), 'ServiceUnavailable'],
  ];
  it.each(rows)('HTTP %i %j: %3$s', async (status, body, type) => {
    const server = await serve((response) => {
      reply(response, status, body);
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission, error.httpStatus]).toEqual([type, 'refused', status]);
    expect(server.seen).toHaveLength(1);
  });

  it('keeps the vendor’s code, words and issues', async () => {
    const detail = [
      { loc: ['body', 'multi_prompt', 2, 'duration'], msg: 'too short', type: 'value_error' },
      { loc: ['prompt'], msg: 'missing', type: 'missing' },
    ];
    const server = await serve((response) => {
      reply(response, 422, { error_code: 422001, error_message: 'Validation failed.', detail });
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect(error).toMatchObject({
      vendorCode: 422001,
      vendorMessage: 'Validation failed.',
      issues: [
        { path: '$.multi_prompt[2].duration', message: 'too short' },
        { path: '$.prompt', message: 'missing' },
      ],
    });
    expect(error.message).toContain(model);
    expect(error.message).toContain('HTTP 422, code 422001: Validation failed.');
  });

  it('is still refused when the refusal’s body is cut', async () => {
    const server = await serve((response) => {
      response.writeHead(402, { 'content-length': '500' });
      response.write('{"error_mess', () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['InsufficientBalance', 'refused']);
  });

  it('obeys Retry-After of a 429 and of a 503 that has no body of the application', async () => {
    for (const [status, type] of [
      [429, 'RateLimited'],
      [503, 'ServiceUnavailable'],
    ] as const) {
      const server = await serve((response) => {
        reply(response, status, html, { 'retry-after': '7' });
      });
      const error = await errorOf(clientOf(server.port).submit(model, input));
      expect([error.type, error.submission, error.retryAfterMs]).toEqual([type, 'refused', 7_000]);
    }
  });
});

describe('a submit of unknown outcome', () => {
  const answers: [name: string, status: number, body: unknown][] = [
    ['null', 200, null],
    ['an empty list', 200, []],
    ['an empty object', 200, {}],
    ['a status without an id', 202, { status: 'queued' }],
    ['a blank id', 200, { request_id: '  ' }],
    ['an id that is a number', 200, { request_id: 17 }],
    ['an id with strange characters', 200, { request_id: 'a/b' }],
    ['an id of 129 characters', 200, { request_id: 'a'.repeat(129) }],
    ['another field’s id', 200, { id: 'a1', data: { request_id: 'a1' } }],
    ['HTML', 200, html],
    ['an empty body', 200, ''],
    ['half a document', 200, '{"request_id":"a1b'],
    ['an internal error under HTTP 200', 200, vendor(500001)],
    ['an error code that says nothing under HTTP 200', 200, vendor('OOPS')],
    ['an internal error under HTTP 400', 400, vendor(500001)],
    ['a moved resource', 301, ''],
    ['a redirect', 302, ''],
    ['a redirect to a result', 303, ''],
    ['a temporary redirect', 307, ''],
    ['a permanent redirect', 308, ''],
    ['a request timeout', 408, vendor(408001)],
    ['a closed request', 499, html],
    ['an internal error', 500, vendor(500001)],
    ['an internal error without a body', 500, ''],
    ['an internal error with a hint to wait', 500, ''],
    ['a bad gateway', 502, html],
    ['a bare 503', 503, html],
    ['a gateway’s own 503', 503, { message: 'Service Unavailable' }],
    ['an empty 503', 503, ''],
    ['a gateway timeout', 504, { message: 'Endpoint request timed out' }],
    ['a gateway’s status', 520, html],
  ];
  it.each(answers)('%s (HTTP %i)', async (_name, status, body) => {
    const headers = { location: 'https://elsewhere.example/', ...(status === 500 && { 'retry-after': '1' }) };
    const server = await serve((response) => {
      reply(response, status, body, headers);
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission, error.httpStatus]).toEqual(['SubmitOutcomeUnknown', 'unknown', status]);
    expect(server.seen).toHaveLength(1);
  });

  it('is told what came back, so that a person may find the id in it', async () => {
    const server = await serve((response) => {
      reply(response, 200, { id: 'a1b2', state: 'ok' });
    });
    expect((await errorOf(clientOf(server.port).submit(model, input))).message).toContain('{"id":"a1b2","state":"ok"}');
  });

  it('when the server resets the connection after it read the order', async () => {
    const server = await serveTcp((socket) => {
      socket.once('data', () => socket.resetAndDestroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['SubmitOutcomeUnknown', 'unknown']);
    expect(server.connections()).toBe(1);
  });

  it('when the server hangs up without an answer, and no second POST is sent', async () => {
    const server = await serveTcp((socket) => {
      socket.once('data', () => socket.end());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['SubmitOutcomeUnknown', 'unknown']);
    expect(server.connections()).toBe(1);
  });

  it('when the server takes the connection and closes it before it read anything', async () => {
    const server = await serveTcp((socket) => socket.end());
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['SubmitOutcomeUnknown', 'unknown']);
    expect(server.connections()).toBe(1);
  });

  it('when the server talks no HTTP', async () => {
    const server = await serveTcp((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    expect((await errorOf(clientOf(server.port).submit(model, input))).submission).toBe('unknown');
  });

  it('when the headers do not come in time', async () => {
    const server = await serve(() => undefined);
    const client = clientOf(server.port, { timeouts: { submit: { headersMs: 100 } } });
    expect((await errorOf(client.submit(model, input))).submission).toBe('unknown');
    expect(server.seen).toHaveLength(1);
  });

  it('when the body stops in the middle', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"request_id":"a1b2"');
    });
    const client = clientOf(server.port, { timeouts: { submit: { bodyMs: 100 } } });
    expect((await errorOf(client.submit(model, input))).submission).toBe('unknown');
  });

  it('when the body is cut, even if what came looks whole', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"request_id":"a1b2"}', () => response.socket?.destroy());
    });
    expect((await errorOf(clientOf(server.port).submit(model, input))).submission).toBe('unknown');
  });

  it('when the reply drips for longer than the whole POST may take', async () => {
    const server = await serve((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => {
        clearInterval(timer);
      });
    });
    const client = clientOf(server.port, { timeouts: { submit: { totalMs: 300 } } });
    const error = await errorOf(client.submit(model, input));
    expect([error.type, error.submission]).toEqual(['SubmitOutcomeUnknown', 'unknown']);
    expect(error.message).toContain('0.3 s');
  });

  it('when the reply is larger than any acknowledgement', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2', filler: 'x'.repeat(10_000) });
    });
    expect((await errorOf(clientOf(server.port, { maxReplyBytes: 1_000 }).submit(model, input))).submission).toBe(
      'unknown',
    );
  });
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
    const error = await neverSent(await closedPort());
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
    const tokens = [() => '', () => 'two words', () => 'line\nbreak', () => Promise.reject(new Error('no such file'))];
    for (const read of tokens) {
      const error = await errorOf(clientOf(server.port, { token: read }).submit(model, input));
      expect([error.type, error.submission]).toEqual(['Unauthenticated', 'not_sent']);
      expect(error.message).not.toContain('line');
    }
    expect(server.connections()).toBe(0);
  });

  it.each(['kling', 'a/../b', 'a/b?x=1', 'a/b/c/d/e/f', 'a//b', ''])('to a model id that is none (%j)', async (id) => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 'a1b2' });
    });
    const error = await errorOf(clientOf(server.port).submit(id, input));
    expect([error.type, error.submission]).toEqual(['InvalidInput', 'not_sent']);
    expect(server.connections()).toBe(0);
  });
});
