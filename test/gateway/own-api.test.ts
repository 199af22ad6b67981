import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { generationList } from '../../gateway/contract/generation-list.ts';
import { generation } from '../../gateway/contract/generation.ts';
import { readOwnDocument } from '../../gateway/read-own-document.ts';
import { eventually } from '../support/eventually.ts';
import { call, type GatewayCall, gatewayStack } from '../support/gateway-stack.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const stack = gatewayStack();

const generations = '/api/v1/generations';
const post = (body: object, headers: Record<string, string> = {}): GatewayCall => ({ method: 'POST', body, headers });
const jobsOf = (requestId: string) =>
  stack
    .simulator()
    .ledger()
    .jobs.filter(({ id }) => id === requestId);
const order = (fields: object = {}) => ({ key: randomUUID(), model: flux, input: { prompt: 'a cat' }, ...fields });

it('orders once for a key: created, then attached, then the result', async () => {
  const wanted = order({ key: `order/${randomUUID()}` });
  const path = `${generations}/${encodeURIComponent(wanted.key)}`;
  const created = await call(stack.url(), generations, post(wanted));
  expect(created).toMatchObject({ status: 201, headers: { location: `${stack.url()}${path}` } });
  expect(created.json).toMatchObject({ key: wanted.key, model: flux, phase: 'submitting', submission: 'not_sent' });

  const again = await call(stack.url(), `${generations}?wait=60s`, post(wanted));
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
  expect(again.json).toMatchObject({ runId: created.json['runId'], phase: 'succeeded' });

  const [read, result] = await Promise.all([call(stack.url(), path), call(stack.url(), `${path}/result`)]);
  expect(generation.strict().parse(read.json)).toMatchObject({ result: { output: { images: [expect.any(String)] } } });
  expect(result).toMatchObject({ status: 200, json: read.json['result'] as object });
  const known = await call(stack.url(), path, { headers: { 'if-none-match': String(read.headers['etag']) } });
  expect(known).toMatchObject({ status: 304, text: '' });
  expect(jobsOf(String(read.json['requestId']))).toHaveLength(1);
});

it('tells problems by their names, all of an input at once, and does nothing', async () => {
  const key = randomUUID();
  const made = { key, model: kling, input: { ...klingInput, prompt: 1, duration: 99, odd: true } };
  const unfit = await call(stack.url(), generations, post(made));
  expect(unfit).toMatchObject({ status: 422, headers: { 'content-type': 'application/problem+json' } });
  expect(unfit.json).toMatchObject({
    type: 'urn:runcomfy-temporal:problem:InvalidInput',
    name: 'InvalidInput',
    instance: generations,
    traceId: unfit.headers['x-request-id'],
    issues: [
      { path: '$.prompt', message: expect.any(String) },
      { path: '$.duration', message: expect.any(String) },
    ],
  });
  const missing = await call(stack.url(), `${generations}/${key}`);
  expect(missing).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
});

it('lists with what became of each where that is asked for, of 50 at most', async () => {
  const prefix = `rows-${randomUUID()}`;
  const made = (name: string) =>
    call(stack.url(), `${generations}?wait=60s`, post(order({ key: `${prefix}/${name}`, labels: { team: name } })));
  stack.simulator().setFaults([{ fault: 'job-fails', step: 'submit', model: flux, times: 1 }]);
  onTestFinished(() => stack.simulator().setFaults([]));
  await made('bad');
  await made('good');
  const list = `${generations}?keyPrefix=${prefix}&include=state`;
  await eventually(async () => {
    const { json } = await call(stack.url(), list);
    const rows = generationList.strict().parse(json).generations;
    expect(rows.toSorted((one, other) => one.key.localeCompare(other.key))).toMatchObject([
      { phase: 'failed', labels: { team: 'bad' }, waitedMs: expect.any(Number), failure: { type: expect.any(String) } },
      { phase: 'succeeded', waitedMs: expect.any(Number), thumbnail: expect.stringMatching(/^http/) },
    ]);
  });
  const { json } = await call(stack.url(), `${generations}?keyPrefix=${prefix}`);
  for (const row of json['generations'] as object[]) expect(row).not.toHaveProperty('waitedMs');
  expect(await call(stack.url(), `${list}&limit=51`)).toMatchObject({
    status: 422,
    json: { name: 'InvalidInput', issues: [{ path: 'query.limit' }] },
  });
});

it('cancels, and tells what came of it', async () => {
  const wanted = order();
  stack.simulator().hold();
  onTestFinished(() => stack.simulator().release());
  await call(stack.url(), generations, post(wanted));
  const running = await call(stack.url(), `${generations}/${wanted.key}/result`);
  expect(running).toMatchObject({
    status: 202,
    headers: { 'retry-after': expect.any(String) },
    json: { key: wanted.key },
  });
  const cancelled = await call(stack.url(), `${generations}/${wanted.key}/cancel`, post({ reason: 'no more' }));
  expect(cancelled.status, cancelled.text).toBe(200);
  expect(['cancelled', 'not_submitted']).toContain(cancelled.json['outcome']);
  const result = await call(stack.url(), `${generations}/${wanted.key}/result?wait=60s`);
  expect(result).toMatchObject({ status: 409, json: { name: 'GenerationCancelled' } });
});

it('fetches under a key of its own what RunComfy made of what was given up, once', async () => {
  const wanted = order({ onCancelWhileRunning: 'detach' });
  const path = `${generations}/${wanted.key}`;
  stack.simulator().hold({ stage: 'run' });
  onTestFinished(() => stack.simulator().release());
  await call(stack.url(), generations, post(wanted));
  await eventually(async () => {
    await call(stack.url(), `${path}/nudge`, { method: 'POST' });
    expect(await call(stack.url(), path)).toMatchObject({ json: { phase: 'in_progress' } });
  });
  const cancelled = await call(stack.url(), `${path}/cancel?wait=60s`, post({}));
  expect(cancelled).toMatchObject({ status: 200, json: { outcome: 'not_cancellable' } });
  let isUnclear = false;
  await eventually(async () => {
    const late = await call(stack.url(), `${path}/late`, { method: 'POST' });
    // What answered that it is not known may have started it.
    isUnclear ||= late.status === 503;
    expect(isUnclear ? [200, 201] : [201], late.text).toContain(late.status);
    expect(late.json).toMatchObject({ key: `${wanted.key}/late` });
    expect(late.headers['location']).toBe(`${stack.url()}${path}%2Flate`);
  });
  expect(await call(stack.url(), `${path}/late`, { method: 'POST' })).toMatchObject({ status: 200 });
  stack.simulator().release();
  const result = await call(stack.url(), `${path}%2Flate/result?wait=60s`);
  expect(result).toMatchObject({ status: 200, json: { output: { images: [expect.any(String)] } } });
  expect(jobsOf(String(result.json['requestId']))).toHaveLength(1);
});

it('takes a decision about an order whose answer was lost', async () => {
  const model = 'openai/gpt-image-2/text-to-image';
  const wanted = order({ model, input: { prompt: randomUUID() } });
  const path = `${generations}/${wanted.key}`;
  stack.simulator().setFaults([{ fault: 'accept-then-reset', step: 'submit', model, times: 1 }]);
  onTestFinished(() => stack.simulator().setFaults([]));
  await call(stack.url(), generations, post(wanted));
  await eventually(async () => {
    expect(await call(stack.url(), path)).toMatchObject({ json: { phase: 'submission_unknown' } });
  });
  const { jobs } = stack.simulator().ledger();
  const requestId = jobs.find(({ input }) => input['prompt'] === wanted.input.prompt)?.id;
  const adopted = await call(stack.url(), `${path}/resolution`, post({ action: 'adopt', requestId }));
  expect(adopted, adopted.text).toMatchObject({ status: 200, json: { requestId } });
  expect(await call(stack.url(), `${path}/result?wait=60s`)).toMatchObject({ status: 200, json: { requestId } });
});

it('streams every state as it comes, the end last, and nothing to whoever knows the end', async () => {
  const wanted = order();
  const path = `${generations}/${wanted.key}/events`;
  await call(stack.url(), generations, post(wanted));
  const [first, second] = await Promise.all([call(stack.url(), path), call(stack.url(), path)]);
  for (const { status, headers, text } of [first, second]) {
    expect([status, headers['content-type'], headers['x-accel-buffering']]).toEqual([200, 'text/event-stream', 'no']);
    // A stream that is silent for long is kept alive by comments.
    expect(text.replaceAll(/^:.*\n\n/gm, '')).toMatch(
      /^retry: 2000\n\nid: \S+\nevent: (?:state|end)\ndata: \{.*\}\n\n/,
    );
    expect(text.match(/^event: end$/gm)).toHaveLength(1);
  }
  const [, id = ''] = /^id: (\S+)\nevent: end$/m.exec(first.text) ?? [];
  expect(second.text).toContain(`id: ${id}\nevent: end`);
  const [, told = '{}'] = /^event: end\ndata: (.*)$/m.exec(first.text) ?? [];
  expect(generation.strict().parse(JSON.parse(told))).toMatchObject({ key: wanted.key, phase: 'succeeded' });
  expect((await call(stack.url(), path, { headers: { 'last-event-id': id } })).status).toBe(204);
  const other = order();
  await call(stack.url(), `${generations}?wait=60s`, post(other));
  const [, foreign = ''] =
    /^id: (\S+)\nevent: end$/m.exec((await call(stack.url(), `${generations}/${other.key}/events`)).text) ?? [];
  expect(foreign).not.toBe('');
  for (const unknown of [foreign, 'never-sent']) {
    const anew = await call(stack.url(), path, { headers: { 'last-event-id': unknown } });
    expect(anew, unknown).toMatchObject({ status: 200, text: expect.stringContaining(`id: ${id}\nevent: end`) });
  }
  const refused = await call(stack.url(), path, { headers: { accept: 'application/json' } });
  expect(refused).toMatchObject({ status: 406, json: { name: 'NotAcceptable' } });
  expect(await call(stack.url(), `${generations}/never/events`)).toMatchObject({ status: 404 });
});

it('tells of models, their inputs and prices, the wallet and the caller', async () => {
  const models = '/api/v1/models';
  const one = `${models}/${encodeURIComponent(flux)}`;
  const list = await call(stack.url(), `${models}?limit=2`);
  expect(list.status, list.text).toBe(200);
  expect(list.json['models']).toHaveLength(2);
  expect(await call(stack.url(), one)).toMatchObject({ status: 200, json: { modelId: flux } });
  const check = await call(stack.url(), `${one}/check`, post({ input: { prompt: 'a cat', odd: 1 } }));
  const warnings = [expect.stringContaining('$.odd')];
  expect(check).toMatchObject({ status: 200, json: { valid: true, issues: [], warnings } });
  const price = (check.json['price'] as { usd: number }).usd;
  expect(price).toBeGreaterThan(0);
  const bad = await call(stack.url(), `${one}/check`, post({ input: {} }));
  expect(bad).toMatchObject({ status: 200, json: { valid: false } });
  expect(await call(stack.url(), `${models}/nobody%2Fmakes`)).toMatchObject({
    status: 404,
    json: { name: 'ModelNotFound' },
  });
  const dear = await call(stack.url(), generations, post(order({ maxPriceUsd: price / 2 })));
  expect(dear).toMatchObject({ status: 422, json: { name: 'PriceAboveLimit' } });
  const model = 'nobody/prices/this';
  stack.simulator().setFaults([{ fault: 'unavailable-json', step: 'catalogue', model }]);
  onTestFinished(() => stack.simulator().setFaults([]));
  const unpriced = await call(stack.url(), generations, post(order({ model, maxPriceUsd: 5 })));
  expect(unpriced).toMatchObject({ status: 503, json: { name: 'CatalogueUnavailable' } });
  const ordered = stack.simulator().ledger().jobs;
  expect(ordered.filter((job) => job.model === model)).toEqual([]);
  expect(await call(stack.url(), '/api/v1/balance')).toMatchObject({ status: 200, json: { usd: expect.any(Number) } });
  expect(await call(stack.url(), '/api/v1/whoami')).toMatchObject({ status: 200, json: { tenant: '*' } });
});

it('serves its document as the command prints it, with a page to read', async () => {
  const { status, text } = await call(stack.url(), '/api/v1/openapi.json');
  expect([status, text]).toEqual([200, await readOwnDocument()]);
  const page = await call(stack.url(), '/api/v1/docs/static/index.html');
  expect(page.headers['content-security-policy']).toContain("default-src 'none'");
});
