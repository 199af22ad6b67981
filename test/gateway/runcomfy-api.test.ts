import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, inject, it } from 'vitest';
import { createGenerationClient } from '../../client/index.ts';
import { patiently } from '../../gateway/generations/patiently.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack, untilOver } from '../support/gateway-stack.ts';
import { hangMs } from '../support/patience.ts';
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
    const vendorId = jobsOf(prompt)[0]?.id ?? '';
    expect(result.headers['runcomfy-request-id']).toBe(vendorId);
    for (const includeCost of ['banana', 'TRUE', '']) {
      const target = `/v1/requests/${id}/result?include_cost=${includeCost}`;
      const { status: answered, json } = await call(stack.url(), target);
      expect([answered, json['status'], json['cost']], target).toEqual([200, 'succeeded', undefined]);
    }
    // RunComfy's own id is none here; our lists tell it.
    const unknown = await call(stack.url(), `/v1/requests/${vendorId}/status`);
    expect(unknown).toMatchObject({ status: 404, json: { error_code: 404001 } });
    expect(await call(stack.url(), `/api/v1/generations/${vendorId}`)).toMatchObject({ status: 404 });
    await eventually(async () => {
      const { json } = await call(stack.url(), `/api/v1/generations?keyPrefix=${id}`);
      expect(json).toMatchObject({ generations: [{ key: id, requestId: vendorId }] });
    });

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
    for (const other of [
      await submit('another input', { 'idempotency-key': 'order-4711' }),
      await submit(prompt, { 'idempotency-key': 'order-4711' }, 'google/nano-banana-2/text-to-image'),
    ])
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

describe('an order', () => {
  it('that asks for other options under its key attaches, and is told which', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const prompt = headers['idempotency-key'];
    expect((await submit(prompt, headers)).headers['runcomfy-temporal-notice']).toBeUndefined();
    const again = await submit(prompt, { ...headers, 'cancel-after': '2h', 'runcomfy-temporal-on-unknown': 'fail' });
    expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    for (const option of ['deadlineMs', 'onUnknownSubmission'])
      expect(again.headers['runcomfy-temporal-notice']).toContain(option);
    await untilOver(stack.url(), prompt);
    expect(jobsOf(prompt)).toHaveLength(1);
  });

  it('is one for a new key that fifty send at once, to three gateways', async () => {
    const urls = [stack.url(), (await stack.serve()).url, (await stack.serve()).url];
    const prompt = randomUUID();
    const made = { method: 'POST', headers: { 'idempotency-key': prompt }, body: { prompt } };
    const target = `/v1/models/${flux}`;
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => call(urls[at % urls.length] ?? '', target, made)),
    );
    expect(answers.map(({ status, json }) => [status, json['request_id']])).toEqual(Array(50).fill([200, prompt]));
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    await untilOver(stack.url(), prompt);
    expect(jobsOf(prompt)).toHaveLength(1);
  });

  it('that Temporal took at an attempt whose answer was lost is new all the same', async () => {
    const connection = await Connection.connect({ address: inject('temporalAddress') });
    onTestFinished(() => connection.close());
    const { workflowService } = connection;
    const runIds: string[] = [];
    const startWorkflowExecution = async (request: Parameters<typeof workflowService.startWorkflowExecution>[0]) => {
      const response = await workflowService.startWorkflowExecution(request);
      runIds.push(response.runId);
      if (runIds.length > 1) return response;
      throw Object.assign(new Error('14 UNAVAILABLE: lost'), {
        code: 14,
        details: 'lost',
        metadata: { get: () => [] },
      });
    };
    const lossy = Object.create(connection, {
      workflowService: {
        value: Object.create(workflowService, { startWorkflowExecution: { value: startWorkflowExecution } }),
      },
    }) as Connection;
    const client = new Client({ connection: lossy });
    const generations = createGenerationClient({ client, taskQueue: `nobody-${randomUUID()}` });
    const key = randomUUID();
    const order = { model: flux, input: { prompt: key } };
    const start = () => patiently(client, hangMs, () => generations.start(order, { key }));
    const started = await start();
    const again = await start();
    await stack.client().workflow.getHandle(key).terminate();
    expect(started).toMatchObject({ attached: false, runId: runIds[0] });
    expect(again).toMatchObject({ attached: true, runId: runIds[0] });
    expect(new Set(runIds).size).toBe(1);
  });

  it('whose key failed for nothing is made anew where that is asked for, and never where it may be billed', async () => {
    const [free, lost] = ['ideogram-ai/ideogram-v4/text-to-image', 'openai/gpt-image-2/text-to-image'];
    stack.simulator().setFaults([
      { fault: 'error-code-200', step: 'submit', model: free, times: 1 },
      { fault: 'accept-then-reset', step: 'submit', model: lost, times: 1 },
    ]);
    onTestFinished(() => {
      stack.simulator().setFaults([]);
    });
    const retry = { 'runcomfy-temporal-retry': 'if-unbilled' };
    for (const [model, type] of [
      [free, 'Unauthenticated'],
      [lost, 'SubmitOutcomeUnknown'],
    ] as const) {
      const prompt = randomUUID();
      const headers = { 'idempotency-key': prompt, 'runcomfy-temporal-on-unknown': 'fail' };
      expect(await submit(prompt, headers, model)).toMatchObject({ status: 200 });
      const { result } = await untilOver(stack.url(), prompt);
      expect(result.json['error'], model).toContain(type);
      const attached = await submit(prompt, headers, model);
      expect(attached).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
      const anew = await submit(prompt, { ...headers, ...retry }, model);
      expect(anew.status, anew.text).toBe(200);
      if (model === free) expect(anew.headers['idempotent-replayed']).toBeUndefined();
      else {
        expect(anew.headers).toMatchObject({ 'idempotent-replayed': 'true' });
        expect(anew.headers['runcomfy-temporal-notice']).toContain(
          'RunComfy may have accepted the order of its last run',
        );
      }
      await untilOver(stack.url(), prompt);
      expect(jobsOf(prompt), model).toHaveLength(1);
    }
  });

  it('is taken where the catalogue cannot be had or understood, and left to RunComfy to judge', async () => {
    const [unknown, unusable] = ['nobody/makes/this', 'wan-ai/wan-2.7/text-to-image'];
    stack.simulator().setFaults([
      { fault: 'unavailable-json', step: 'catalogue', model: unknown },
      { fault: 'schema-unusable', step: 'catalogue', model: unusable },
    ]);
    onTestFinished(() => {
      stack.simulator().setFaults([]);
    });
    const [nothing, something] = [randomUUID(), randomUUID()];
    const taken = await submit(nothing, { 'idempotency-key': nothing }, unknown);
    expect(taken).toMatchObject({ status: 200, headers: { 'runcomfy-temporal-notice': expect.any(String) } });
    const { result } = await untilOver(stack.url(), nothing);
    expect(result.json).toMatchObject({ status: 'failed', error: expect.stringMatching(/; nothing was billed\.$/) });
    expect(jobsOf(nothing)).toEqual([]);
    const other = await submit(something, { 'idempotency-key': something }, unusable);
    expect(other).toMatchObject({ status: 200, headers: { 'runcomfy-temporal-notice': expect.any(String) } });
    await untilOver(stack.url(), something);
    expect(jobsOf(something)).toHaveLength(1);
  });

  it('waits for a worker where there is none, and says what cannot be known without one', async () => {
    const { url } = await stack.serve({ RUNCOMFY_TASK_QUEUE: `nobody-${randomUUID()}` });
    const key = randomUUID();
    const made = { method: 'POST', headers: { 'idempotency-key': key }, body: { prompt: key } };
    expect(await call(url, `/v1/models/${flux}`, made)).toMatchObject({ status: 200 });
    const plan = { version: 1, steps: { still: { model: flux, input: { prompt: key } } } };
    const others = [
      { kind: 'pipelines', order: { key: `${key}-plan`, plan } },
      { kind: 'batches', order: { key: `${key}-many`, defaults: { model: flux } } },
    ];
    for (const { kind, order } of others) {
      expect(await call(url, `/api/v1/${kind}`, { method: 'POST', body: order }), kind).toMatchObject({ status: 201 });
      const asked = await call(url, `/api/v1/${kind}/${order.key}/cancel?wait=1`, { method: 'POST' });
      expect(asked.status, asked.text).toBe(202);
      await stack.client().workflow.getHandle(order.key).terminate();
    }
    const own = `/api/v1/generations/${key}`;
    const decision = { method: 'POST', body: { action: 'abandon' } };
    const [status, unclear, unknown, undecided] = await Promise.all([
      call(url, `/v1/requests/${key}/status`),
      call(url, `/v1/requests/${key}/cancel`, { method: 'POST' }),
      call(url, `${own}/cancel?wait=1`, { method: 'POST', body: {} }),
      call(url, `${own}/resolution`, decision),
    ]);
    expect(status).toMatchObject({ status: 200, json: { status: 'in_queue' } });
    expect(unclear.status, unclear.text).toBe(504);
    expect(unclear).toMatchObject({ status: 504, json: { error_code: 504001 } });
    expect(unknown).toMatchObject({ status: 202, json: { outcome: 'unknown' } });
    expect(undecided).toMatchObject({ status: 503, json: { name: 'NoWorker' } });
    expect(await call(url, `/v1/requests/${key}/status`)).toMatchObject({ json: { status: 'in_queue' } });
    expect(jobsOf(key)).toEqual([]);
    await stack.client().workflow.getHandle(key).terminate();
  });
});
