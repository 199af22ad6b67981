import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { clientOf, errorOf, model, reply, serve, serveTcp } from '../../support/http-servers.ts';

const input = { prompt: 'A cat', start_image_url: 'https://cdn.example.com/cat.png' };
const html = '<html><body>Bad gateway</body></html>';
const queued = { request_id: 'r1', status: 'in_queue' };
const vendor = (error_code: number | string, error_message = 'vendor words') => ({ error_code, error_message });

describe('a submit of unknown outcome', () => {
  const answers: [name: string, status: number, body: unknown][] = [
    ['null', 200, null],
    ['an empty list', 200, []],
    ['an empty object', 200, {}],
    ['a status without an id', 202, { status: 'queued' }],
    ['a blank id', 200, { request_id: '  ' }],
    ['an id that is a number', 200, { request_id: 17 }],
    ['an id with strange characters', 200, { request_id: 'a/b' }],
    ['a 503 beside a code that says 429', 503, { code: 429001, message: 'try later' }],
    ['a 422 that names a request within', 422, { message: 'busy', data: { request_id: 'a1' } }],
    ['a 402 that names a request in other letters', 402, { message: 'later', requestId: 'a1' }],
    ['an id of 256 characters', 200, { request_id: 'a'.repeat(256) }],
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
    ['a 400 that the application did not write', 400, html],
    ['a 400 with a message of no known form', 400, { message: 'no' }],
    ['a 400 with a list of no known form', 400, { detail: ['no'] }],
    ['a 402 that nobody signed', 402, ''],
    ['the 403 of a filter', 403, html],
    ['a 403 with a message of no known form', 403, { message: 'Forbidden' }],
    ['a 404 of a gateway', 404, html],
    ['a 422 of no known form', 422, { errors: [] }],
    ['a 422 that names a request', 422, { message: 'no', request_id: 'a1b2' }],
    ['a request in the queue beside an error to be tried again', 200, { ...vendor(503001), ...queued }],
    [
      'a queued request whose id cannot be shown beside a limit',
      429,
      { detail: { request_id: 'trace-1' }, ...vendor(429001), request_id: 17, status: 'in_queue' },
    ],
    ['a running request beside a limit', 200, { ...vendor(429001), request_id: 17, status: 'in_progress' }],
    ['a request in the queue under 429', 429, queued],
    ['a finished request beside a refusal', 400, { ...vendor(400001), request_id: 'r1', status: 'completed' }],
    ['an internal error under another name', 400, { code: 500001, error: 'no' }],
    ['a 404 with a message of no known form', 404, { detail: 'unknown model' }],
    ['a 503 of a cache that always says when to come back', 503, html],
  ];
  it.each(answers)('%s (HTTP %i)', async (_name, status, body) => {
    const headers = { location: 'https://elsewhere.example/', ...(status >= 500 && { 'retry-after': '1' }) };
    const server = await serve((response) => {
      reply(response, status, body, headers);
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission, error.httpStatus]).toEqual(['SubmitOutcomeUnknown', 'unknown', status]);
    expect(server.seen).toHaveLength(1);
  });

  it('when the body of an error is cut, so that nobody knows who wrote it', async () => {
    const server = await serve((response) => {
      response.writeHead(402, { 'content-length': '500' });
      response.write('{"error_mess', () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission, error.httpStatus]).toEqual(['SubmitOutcomeUnknown', 'unknown', 402]);
  });

  it('is told what came back, so that a person may find the id in it', async () => {
    const server = await serve((response) => {
      reply(response, 200, { id: 'a1b2', state: 'ok' });
    });
    expect((await errorOf(clientOf(server.port).submit(model, input))).message).toContain('{"id":"a1b2","state":"ok"}');
  });

  it.each([
    ['{"request_id":"a1b2","status_u', 'a1b2'],
    ['{"request_id":"a1b', undefined],
  ])('keeps what came of a reply that was cut (%s)', async (begun, repliedRequestId) => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-length': '500' });
      response.write(begun, () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.type, error.submission]).toEqual(['SubmitOutcomeUnknown', 'unknown']);
    expect([error.reply, error.repliedRequestId]).toEqual([begun, repliedRequestId]);
    expect(server.seen).toHaveLength(1);
  });

  it.each(['utf-8', 'none', 'gzip', 'br'])('keeps a plain reply that says it is in %s', async (encoding) => {
    const plain = '{"request_id":"a1b2","status":"in_queue"}';
    const server = await serve((response) => {
      reply(response, 200, plain, { 'content-encoding': encoding });
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.submission, error.reply, error.repliedRequestId]).toEqual(['unknown', plain, 'a1b2']);
  });

  it('keeps nothing of an encoded reply that was cut', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync('{"request_id":"a1b2"}').subarray(0, 30));
    });
    expect(await errorOf(clientOf(server.port).submit(model, input))).not.toHaveProperty('reply');
  });

  it('keeps what came of a reply that was cut and says that it is not encoded', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-length': '500', 'content-encoding': 'identity' });
      response.write('{"request_id":"a1b2","status_u', () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.reply, error.repliedRequestId]).toEqual(['{"request_id":"a1b2","status_u', 'a1b2']);
  });

  it.each([
    ['{"request_id":"a1b2","status_u', 'a1b2'],
    ['{"request_id":12345678901234567890,"status_u', '12345678901234567890'],
    ['{"request_id":1234', undefined],
  ])('names the request of a reply that ended too early with its connection (%s)', async (begun, repliedRequestId) => {
    const server = await serveTcp((socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${begun}`));
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.reply, error.repliedRequestId]).toEqual([begun, repliedRequestId]);
  });

  it('names an id that is a long number by its own digits, which JSON would round', async () => {
    const server = await serve((response) => {
      reply(response, 200, '{"request_id": 1234567890123456789, "status": "in_queue"}');
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect(error.repliedRequestId).toBe('1234567890123456789');
    expect(error.reply).toBe('{"request_id":"1234567890123456789","status":"in_queue"}');
  });

  it('names no id where its digits cannot be told', async () => {
    const server = await serve((response) => {
      reply(response, 200, '{"data":{"request_id":5},"request_id":1e30}');
    });
    expect(await errorOf(clientOf(server.port).submit(model, input))).not.toHaveProperty('repliedRequestId');
  });

  it('names an id that came as a number, for a person to decide about', async () => {
    const server = await serve((response) => {
      reply(response, 200, { request_id: 17 });
    });
    expect(await errorOf(clientOf(server.port).submit(model, input))).toMatchObject({ repliedRequestId: '17' });
  });

  it('names the request that the reply says is under way, whatever error stands beside it', async () => {
    const server = await serve((response) => {
      reply(response, 429, { ...vendor(429001), ...queued });
    });
    expect(await errorOf(clientOf(server.port).submit(model, input))).toMatchObject({ repliedRequestId: 'r1' });
  });

  const whole = JSON.stringify(queued);
  const cut: [begun: string, repliedRequestId: string | undefined][] = [
    ['{"request_id":"r1","status":"in_queue","status_u', 'r1'],
    ['{"request_id":"r1","status":"in_q', 'r1'],
    ['{"request_id":"r1","sta', 'r1'],
    ['{"request_id":"r', undefined],
    [whole, 'r1'],
  ];
  it.each(cut)('when a refusal by the head alone is cut that named a request (%s)', async (begun, repliedRequestId) => {
    const server = await serve((response) => {
      response.writeHead(429, { 'content-length': '500' });
      response.write(begun, () => response.socket?.destroy());
    });
    const error = await errorOf(clientOf(server.port).submit(model, input));
    expect([error.submission, error.httpStatus, error.repliedRequestId]).toEqual(['unknown', 429, repliedRequestId]);
  });

  it.each([401, 411, 413, 414, 429, 431])('when a request is under way beside %i in no plain JSON', async (status) => {
    for (const [body, encoding] of [
      [whole, 'utf-8'],
      [whole, 'gzip'],
      [`)]}',\n${whole}`, 'identity'],
      [`${whole}\n<!-- served by edge 7 -->`, 'identity'],
    ] as const) {
      const server = await serve((response) => {
        reply(response, status, body, { 'content-encoding': encoding });
      });
      const error = await errorOf(clientOf(server.port).submit(model, input));
      expect([error.submission, error.repliedRequestId]).toEqual(['unknown', 'r1']);
    }
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
    await expect.poll(() => server.seen).toHaveLength(1);
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
    // Its time passes once the reply drips, however long a busy machine takes to get there.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const submitting = errorOf(client.submit(model, input));
    await expect.poll(() => server.seen).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(300);
    const error = await submitting;
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
