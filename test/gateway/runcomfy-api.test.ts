import { describe, expect, it } from 'vitest';
import { call, gatewayStack, untilOver } from '../support/gateway-stack.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const stack = gatewayStack();

const jobsOf = (prompt: string) =>
  stack
    .simulator()
    .ledger()
    .jobs.filter(({ input }) => input['prompt'] === prompt);
const submit = (prompt: string, headers: Record<string, string> = {}, model: string = flux) =>
  call(stack.url(), `/v1/models/${model}`, { method: 'POST', headers, body: { prompt } });

describe("RunComfy's own API", () => {
  it('takes the four calls of its documents, with another base address, for one bill', async () => {
    const authorization = 'Bearer <token>';
    const prompt = 'the four calls';
    stack.simulator().hold();
    onTestFinished(() => stack.simulator().release());
    const submitted = await call(stack.url(), `/v1/models/${kling}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', authorization },
      body: JSON.stringify({ ...klingInput, prompt }),
    });
    expect(submitted.status, submitted.text).toBe(200);
    const id = String(submitted.json['request_id']);
    const base = `${stack.url()}/v1/requests/${id}`;
    expect(submitted.text).toBe(
      JSON.stringify({
        request_id: id,
        status_url: `${base}/status`,
        result_url: `${base}/result`,
        cancel_url: `${base}/cancel`,
      }),
    );
    const first = await call(stack.url(), `/v1/requests/${id}/status`, { headers: { authorization } });
    expect(first).toMatchObject({ status: 200, json: { request_id: id, result_url: `${base}/result` } });
    expect(['in_queue', 'in_progress']).toContain(first.json['status']);
    stack.simulator().release();

    const { status, result } = await untilOver(stack.url(), id);
    expect(status.json).toEqual({ ...first.json, status: 'completed' });
    expect(result.json).toEqual({
      request_id: id,
      status: 'succeeded',
      output: { video: expect.stringContaining(stack.simulator().url) },
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+\+00:00$/),
      finished_at: expect.stringMatching(/\+00:00$/),
      model_id: kling,
      cost: jobsOf(prompt)[0]?.chargedUsd,
    });
    expect(result.headers['runcomfy-request-id']).toBe(jobsOf(prompt)[0]?.id);

    // As RunComfy's command line sends it: no body, no length, no content type.
    const cancelled = await call(stack.url(), `/v1/requests/${id}/cancel`, {
      method: 'POST',
      headers: { authorization },
    });
    expect(cancelled).toMatchObject({
      status: 202,
      json: { request_id: id, status: 'completed', outcome: 'not_cancellable' },
    });
    expect(jobsOf(prompt)).toHaveLength(1);
  });

  it('gives one request for one Idempotency-Key, in quotes or without, and tells that nothing new was started', async () => {
    const prompt = 'one key';
    const first = await submit(prompt, { 'idempotency-key': '"order-4711"' });
    const again = await submit(prompt, { 'idempotency-key': 'order-4711' });
    expect(first.json['request_id']).toBe('order-4711');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again).toMatchObject({ status: 200, text: first.text, headers: { 'idempotent-replayed': 'true' } });
    const long = 'https://orders.example/4711?x=1';
    const ids = await Promise.all([1, 2].map(() => submit(prompt, { 'idempotency-key': long })));
    expect(ids[0]?.json['request_id']).toMatch(/^[0-9a-f-]{14}8[0-9a-f]{3}-[89ab]/);
    expect(ids[1]?.json).toEqual(ids[0]?.json);
    const other = await submit('another input', { 'idempotency-key': 'order-4711' });
    expect(other).toMatchObject({ status: 422, json: { error_code: 422002 } });
    await Promise.all(['order-4711', String(ids[0]?.json['request_id'])].map((id) => untilOver(stack.url(), id)));
    expect(jobsOf(prompt)).toHaveLength(2);
  });

  it("gives an output RunComfy's own names", async () => {
    stack.simulator().setSwitches({ output_keys: 'both' });
    const id = String((await submit('names of its own')).json['request_id']);
    const { result } = await untilOver(stack.url(), id);
    stack.simulator().setSwitches({ output_keys: 'auto' });
    const url = expect.stringContaining(stack.simulator().url);
    expect(result.json['output']).toEqual({ image: url, images: [url] });
  });

  it('passes the catalogue and the balance on, byte for byte', async () => {
    for (const target of ['/v1/models?limit=2&include_schema=true', `/v1/models/${flux}`, '/v1/models/categories']) {
      const theirs = await fetch(`${stack.simulator().url}${target}`, {
        headers: { authorization: 'Bearer sim-gateway' },
      });
      const ours = await call(stack.url(), target);
      expect(ours.text, target).toBe(await theirs.text());
      expect(ours.headers['cache-control']).toBe('private, max-age=30');
    }
    const balance = await call(stack.url(), '/prod/v2/balance');
    expect(balance).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(Object.keys(balance.json)).not.toEqual([]);
  });
});
