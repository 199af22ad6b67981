import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import payload from '../../../runcomfy/models/kling-3.0-standard-image-to-video/payload.json' with { type: 'json' };
import { flux, kling, startTestSimulator } from '../../support/simulator-client.ts';

describe('submit', () => {
  it("takes the published payload of Kling and answers with the request's id and three absolute URLs", async () => {
    const { sim, call } = await startTestSimulator();
    const { status, json } = await call('POST', `/v1/models/${kling}`, { body: payload });
    expect(status).toBe(200);
    const base = `${sim.modelApiBase}/requests/${String(json['request_id'])}`;
    expect(json).toEqual({
      request_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      status_url: `${base}/status`,
      result_url: `${base}/result`,
      cancel_url: `${base}/cancel`,
    });
    expect(sim.ledger().jobs[0]?.input).toEqual(payload);
  });

  it('answers in compact JSON', async () => {
    const { call } = await startTestSimulator();
    const { text } = await call('POST', `/v1/models/${flux}`, { body: { prompt: 'x' } });
    expect(text).not.toMatch(/[\n ]/);
  });

  it('names every problem of a bad input with its place, and takes nothing', async () => {
    const { sim, call } = await startTestSimulator();
    const body = { prompt: 'x', width: 63, height: 'tall' };
    const { status, json } = await call('POST', `/v1/models/${flux}`, { body });
    expect(status).toBe(422);
    expect(json).toMatchObject({ error_code: 422001, error_message: expect.any(String) });
    expect((json['detail'] as { loc: unknown[] }[]).map(({ loc }) => loc)).toEqual([
      ['body', 'width'],
      ['body', 'height'],
    ]);
    expect(sim.ledger().jobs).toEqual([]);
  });

  it.each(['not json', '[]', '"text"', 'null', ''])('refuses the body %j, which is no object', async (body) => {
    const { sim, call } = await startTestSimulator();
    expect((await call('POST', `/v1/models/${flux}`, { body })).status).toBe(422);
    expect(sim.ledger().totals).toMatchObject({ accepted: 0, submits: 1 });
  });

  it('looks at the token first, then the balance, the model and the input', async () => {
    const { sim, call } = await startTestSimulator();
    const bad = { body: 'not json' };
    const path = '/v1/models/nobody/nothing';
    expect((await call('POST', path, { ...bad, token: 'real' })).status).toBe(401);
    sim.setBalance('sim-test', 0);
    expect((await call('POST', path, bad)).status).toBe(402);
    sim.setBalance('sim-test', 1);
    expect((await call('POST', path, bad)).json['error_code']).toBe(400001);
    expect((await call('POST', `/v1/models/${flux}`, bad)).status).toBe(422);
  });

  it('knows case-sensitive ids of five segments', async () => {
    const { call } = await startTestSimulator();
    const body = { prompt: 'x', image_url: 'https://images.example.com/a.png' };
    expect((await call('POST', '/v1/models/tongyi-mai/z-image/turbo/controlnet/lora', { body })).status).toBe(200);
    const o3 = { prompt: 'x', image: 'https://images.example.com/a.png' };
    expect((await call('POST', '/v1/models/kling/kling-video-o3/4K/image-to-video', { body: o3 })).status).toBe(200);
    expect((await call('POST', '/v1/models/kling/kling-video-o3/4k/image-to-video', { body: o3 })).status).toBe(400);
  });
});

describe('status and result', () => {
  it('go from the queue through the run to the end', async () => {
    const { clock, submit, status, result } = await startTestSimulator();
    const id = await submit();
    expect(await status(id)).toMatchObject({ request_id: id, status: 'in_queue', queue_position: expect.any(Number) });
    expect(await result(id)).toEqual({ request_id: id, status: 'in_queue' });
    clock.tick(1_000);
    const running = await status(id);
    expect(running['status']).toBe('in_progress');
    expect(running).not.toHaveProperty('queue_position');
    expect(await result(id)).toEqual({ request_id: id, status: 'in_progress' });
    clock.tick(1_000);
    expect((await status(id))['status']).toBe('completed');
    expect(await result(id)).toEqual({
      request_id: id,
      status: 'succeeded',
      model_id: flux,
      output: { image: expect.stringMatching(/\/files\/.+_output\.png$/) },
      created_at: '2026-11-01T00:00:00.000000+00:00',
      finished_at: '2026-11-01T00:00:02.000000+00:00',
      input: { prompt: 'A cat' },
    });
  });

  it('tell what it cost only when asked', async () => {
    const { clock, submit, call, result } = await startTestSimulator();
    const id = await submit();
    clock.tick(2_000);
    expect(await result(id)).not.toHaveProperty('cost');
    expect((await call('GET', `/v1/requests/${id}/result?include_cost=true`)).json['cost']).toBe(0.01);
  });

  it('know no other ids', async () => {
    const { call } = await startTestSimulator();
    const { status, json } = await call('GET', '/v1/requests/8f9a6a1c-0000-4000-8000-000000000000/status');
    expect([status, json['error_code']]).toEqual([404, 404001]);
  });

  it('are shown to the owner alone', async () => {
    const { submit, call, jobOf } = await startTestSimulator();
    const id = await submit();
    for (const [method, step] of [
      ['GET', 'status'],
      ['GET', 'result'],
      ['POST', 'cancel'],
    ] as const) {
      const { status, json } = await call(method, `/v1/requests/${id}/${step}`, { token: 'sim-other' });
      expect([status, json['error_code']]).toEqual([403, 403001]);
    }
    expect(jobOf(id).state).toBe('in_queue');
  });
});

describe('cancel', () => {
  it('stops queued work and leaves running and finished work alone', async () => {
    const { clock, submit, call, cancel, status, result } = await startTestSimulator();
    const queued = await submit();
    const first = await call('POST', `/v1/requests/${queued}/cancel`);
    expect(first.status).toBe(202);
    expect(first.json).toEqual({ request_id: queued, status: 'cancelled', outcome: 'cancelled' });
    expect((await status(queued))['status']).toBe('cancelled');
    expect(await result(queued)).toMatchObject({ status: 'cancelled', finished_at: expect.any(String) });
    expect(await cancel(queued)).toMatchObject({ status: 'cancelled', outcome: 'not_cancellable' });

    const other = await submit();
    clock.tick(1_000);
    expect(await cancel(other)).toMatchObject({ status: 'in_progress', outcome: 'not_cancellable' });
    clock.tick(1_000);
    expect(await cancel(other)).toMatchObject({ status: 'completed', outcome: 'not_cancellable' });
    expect((await result(other))['status']).toBe('succeeded');
  });

  it('needs no body, no Content-Type and no Content-Length', async () => {
    const { sim, submit } = await startTestSimulator();
    const id = await submit();
    const status = await new Promise((resolve, reject) => {
      const cancel = request(`${sim.modelApiBase}/requests/${id}/cancel`, { method: 'POST' });
      cancel.removeHeader('content-length');
      cancel.removeHeader('transfer-encoding');
      cancel.useChunkedEncodingByDefault = false;
      cancel.setHeader('authorization', 'Bearer sim-test');
      cancel.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      cancel.on('error', reject);
      cancel.end();
    });
    expect(status).toBe(202);
  });
});

describe('balance', () => {
  it('shows the wallet of the token in dollars and micro-dollars', async () => {
    const { clock, submit, call } = await startTestSimulator();
    await submit();
    clock.tick(2_000);
    expect((await call('GET', '/prod/v2/balance')).json).toEqual({
      balance_usd: 99.99,
      balance_microdollars: 99_990_000,
      currency: 'USD',
    });
    expect((await call('GET', '/prod/v2/balance', { token: 'sim-other' })).json['balance_usd']).toBe(100);
    expect((await call('GET', '/prod/v2/balance', { token: 'real' })).status).toBe(401);
  });
});

describe('files', () => {
  it.each([
    ['image', flux, { prompt: 'x' }, 'image/png', '\x89PNG'],
    ['video', 'wan-ai/wan-2.7/text-to-video', { prompt: 'x' }, 'video/mp4', 'ftyp'],
    ['audio', 'acestep-ai/ace-step-1.5/text-to-audio', { tags: 'x' }, 'audio/wav', 'RIFF'],
  ])('serve a small %s to anybody', async (kind, model, input, contentType, magic) => {
    const { clock, submit, result, sim } = await startTestSimulator();
    const id = await submit(model, input);
    clock.tick(2_000);
    const url = ((await result(id))['output'] as Record<string, string>)[kind] ?? '';
    expect(url.startsWith(`${sim.url}/files/`)).toBe(true);
    const response = await fetch(url);
    expect(response.headers.get('content-type')).toBe(contentType);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 16).toString('latin1')).toContain(magic);
    expect(bytes.toString('latin1')).toContain(id);
  });

  it('serve ranges and HEAD', async () => {
    const { clock, submit, result } = await startTestSimulator();
    const id = await submit();
    clock.tick(2_000);
    const url = ((await result(id))['output'] as { image: string }).image;
    const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
    const part = async (range: string) => {
      const response = await fetch(url, { headers: { range } });
      return [response.status, response.headers.get('content-range'), await response.text()];
    };
    const size = String(whole.length);
    expect(await part('bytes=1-3')).toEqual([206, `bytes 1-3/${size}`, 'PNG']);
    expect((await part(`bytes=${size}-`))[0]).toBe(416);
    expect((await part('bytes=-4'))[1]).toBe(`bytes ${String(whole.length - 4)}-${String(whole.length - 1)}/${size}`);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, size, '']);
  });

  it('exist only for outputs', async () => {
    const { call } = await startTestSimulator();
    expect((await call('GET', '/files/a/b/output/aaaaaaaaaaaaaaaaaaaaa_output.png')).status).toBe(404);
    expect((await call('GET', '/files/nothing')).status).toBe(404);
  });
});

describe('everything else', () => {
  it.each([
    ['GET', '/', 404],
    ['GET', '/v1/requests/x', 404],
    ['GET', '/v1/requests/x/cancel', 405],
    ['DELETE', `/v1/models/${flux}`, 405],
    ['POST', '/v1/models', 405],
    ['POST', '/files/x', 405],
    ['GET', '/__sim/nothing', 404],
  ])('%s %s is %i', async (method, path, status) => {
    const { call } = await startTestSimulator();
    expect((await call(method, path)).status).toBe(status);
  });
});
