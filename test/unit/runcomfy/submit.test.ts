import { describe, expect, it } from 'vitest';
import type { FailureType } from '../../../domain/failure-type.ts';
import { clientOf, errorOf, model, reply, serve, token } from '../../support/http-servers.ts';

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

  it.each(['req_01.abc', 'gen:7f2a', 'YWI=', 'a~b@c+d'])('follows an id in other characters (%s)', async (id) => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: id });
    });
    const client = clientOf(server.port);
    const { requestId } = await client.submit(model, input);
    expect(requestId).toBe(id);
    await client.status(requestId);
    expect(server.seen[1]?.path).toBe(`/v1/requests/${encodeURIComponent(id)}/status`);
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
    [401, vendor(401001), 'Unauthenticated'],
    [401, '', 'Unauthenticated'],
    [402, vendor(402001), 'InsufficientBalance'],
    [403, vendor(403003), 'Unauthenticated'],
    [404, vendor(404001), 'InvalidInput'],
    [409, vendor(409001), 'InvalidInput'],
    [413, html, 'InvalidInput'],
    [411, html, 'InvalidInput'],
    [414, html, 'InvalidInput'],
    [431, '', 'InvalidInput'],
    [422, vendor(422001), 'InvalidInput'],
    [422, { detail: [{ loc: ['body', 'prompt'], msg: 'missing', type: 'missing' }] }, 'InvalidInput'],
    [402, { message: 'Insufficient balance' }, 'InsufficientBalance'],
    [422, { detail: 'prompt is required' }, 'InvalidInput'],
    [415, { error: 'JSON only' }, 'InvalidInput'],
    [400, { code: 400002, error: 'no balance' }, 'InsufficientBalance'],
    [404, { code: '404001', error: 'unknown model' }, 'InvalidInput'],
    [429, vendor(429001), 'RateLimited'],
    [429, '', 'RateLimited'],
    [503, vendor(503001), 'ServiceUnavailable'],
    [503, { error_message: 'maintenance' }, 'ServiceUnavailable'],
    [200, vendor(403003), 'Unauthenticated'],
    [200, vendor(400001), 'InvalidInput'],
    [200, vendor('400002'), 'InsufficientBalance'],
    [202, vendor(10001), 'InsufficientBalance'],
    [200, { ...vendor(422001), request_id: 'trace-1' }, 'InvalidInput'],
    [429, { ...vendor(429001), request_id: 'trace-1', status: 'error' }, 'RateLimited'],
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

  it('is still refused when the body of a refusal by the head alone is cut', async () => {
    const server = await serve((response) => {
      response.writeHead(413, { 'content-length': '500' });
      response.write('{"error_mess', () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['InvalidInput', 'refused']);
  });

  it.each([
    '{"message":"API rate limit exceeded","request_id":"trace-1"',
    '{"request_id":"trace-1","error_code":429001,"err',
    '{"request_id":"trace-1","status":"error","mess',
    '{"request_id":"trace-1","status":429,"ti',
    '<html>{"request_id":"tra',
  ])('is still refused when what came of its body only names the call (%s)', async (begun) => {
    const server = await serve((response) => {
      response.writeHead(429, { 'content-length': '500' });
      response.write(begun, () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['RateLimited', 'refused']);
  });

  it.each([
    ['utf-8', '{"request_id":"trace-1"}'],
    ['utf-8', '{"request_id":"trace-1","message":"slow down"}'],
    ['identity', '<script>{"request_id":"trace-1"}</script>'],
  ])('is still refused when its body in %s only names the call (%s)', async (encoding, body) => {
    const server = await serve((response) => {
      reply(response, 429, body, { 'content-encoding': encoding });
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['RateLimited', 'refused']);
  });

  it('obeys Retry-After of a 429 and of the application’s own 503', async () => {
    for (const [status, body, type] of [
      [429, html, 'RateLimited'],
      [503, vendor(503001), 'ServiceUnavailable'],
    ] as const) {
      const server = await serve((response) => {
        reply(response, status, body, { 'retry-after': '7' });
      });
      const error = await errorOf(clientOf(server.port).submit(model, input));
      expect([error.type, error.submission, error.retryAfterMs]).toEqual([type, 'refused', 7_000]);
    }
  });
});
