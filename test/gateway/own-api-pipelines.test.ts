import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { z } from 'zod';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { pipelineCounts } from '../../gateway/contract/many-counts.ts';
import { pipeline, pipelineList, pipelinePreview, pipelineResult } from '../../gateway/contract/pipeline.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { temporaryFolder } from '../support/processes.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

const pipelines = '/api/v1/pipelines';
// Other files order in the same namespace: no tenant of theirs may be one of these.
const suffix = randomUUID().slice(0, 8);
const acme = createApiKey();
const other = createApiKey();
const reader = createApiKey();

/** The URL of a gateway with these tenants. */
async function serve(): Promise<string> {
  const record = ({ id, key: secret }: typeof acme, tenant: string, fields: object = {}) => ({
    id,
    tenant,
    sha256: digestOf(secret),
    name: 'a test',
    scopes: ['admin'],
    createdAt: new Date().toISOString(),
    ...fields,
  });
  const file = path.join(await temporaryFolder(), 'keys.json');
  const keys = [
    record(acme, `acme-${suffix}`, { models: [flux] }),
    record(other, `umbrella-${suffix}`),
    record(reader, `acme-${suffix}`, { scopes: ['read'] }),
  ];
  await writeFile(file, JSON.stringify({ keys }), { mode: 0o600 });
  return (await stack.serve({ RUNCOMFY_GATEWAY_KEYS_FILE: file })).url;
}

const as = ({ key }: typeof acme, method = 'GET', body?: object) => ({
  method,
  headers: { authorization: `Bearer ${key}` },
  ...(body && { body }),
});
const planOf = (prompt: string, fields: object = {}) => ({
  version: 1,
  steps: { still: { model: flux, input: { prompt }, ...fields } },
});

it('runs a plan once for its key, and tells of it as its contract has it, with keys as the tenant knows them', async () => {
  const url = await serve();
  const key = randomUUID();
  const body = { key, plan: planOf(key) };
  const preview = await call(url, `${pipelines}/${key}/preview`, as(reader, 'POST', { plan: body.plan }));
  expect(preview.status, preview.text).toBe(200);
  expect(pipelinePreview.strict().parse(preview.json)).toMatchObject({ key, attached: false, ordered: 1 });
  const started = await call(url, pipelines, as(acme, 'POST', body));
  expect(started.status, started.text).toBe(201);
  expect(started.headers['location']).toBe(`${url}${pipelines}/${key}`);
  expect(pipeline.strict().parse(started.json)).toMatchObject({ key, phase: 'checking' });
  const again = await call(url, pipelines, as(acme, 'POST', body));
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' }, json: { key } });

  const result = await call(url, `${pipelines}/${key}/result?wait=60s`, as(reader));
  expect(result.status, result.text).toBe(200);
  const parsed: z.output<typeof pipelineResult> = pipelineResult.strict().parse(result.json);
  expect(parsed).toMatchObject({ key, phase: 'succeeded', steps: { still: { phase: 'succeeded' } } });
  const order = parsed.steps['still']?.key ?? '';
  expect(order).toMatch(new RegExp(`^${key}/still@`));
  expect(await call(url, `/api/v1/generations/${encodeURIComponent(order)}`, as(reader))).toMatchObject({
    status: 200,
    json: { key: order, phase: 'succeeded' },
  });
  const state = await call(url, `${pipelines}/${key}`, as(reader));
  expect(pipeline.strict().parse(state.json)).toMatchObject({ key, phase: 'succeeded', steps: [{ key: order }] });
  const known = { ...as(reader), headers: { ...as(reader).headers, 'if-none-match': String(state.headers['etag']) } };
  let unchanged = await call(url, `${pipelines}/${key}?wait=30s`, known);
  // A worker that is busy may leave a question unanswered.
  while (unchanged.status === 503) unchanged = await call(url, `${pipelines}/${key}?wait=30s`, known);
  expect(unchanged.status).toBe(304);
  expect(state.text + result.text + started.text + preview.text).not.toContain('acme');
  const cancelled = await call(url, `${pipelines}/${key}/cancel`, as(acme, 'POST', {}));
  expect(cancelled).toMatchObject({ status: 200, json: { outcome: 'too_late', phase: 'succeeded', steps: [] } });

  const changed = await call(url, pipelines, as(acme, 'POST', { key, plan: planOf('another') }));
  expect(changed).toMatchObject({ status: 422, json: { name: 'KeyInUse' } });
  expect(changed.text).not.toContain('acme');
  await eventually(async () => {
    const list = await call(url, `${pipelines}?phase=succeeded&keyPrefix=${key}`, as(reader));
    expect(pipelineList.strict().parse(list.json).pipelines).toMatchObject([{ key, phase: 'succeeded' }]);
  });
  expect((await call(url, pipelines, as(other))).json).toEqual({ pipelines: [] });
  expect((await call(url, pipelines, as(acme, 'POST', { ...body, key: `${key}-2` }))).status).toBe(201);
  await eventually(async () => {
    const pageOf = async (token: string) =>
      pipelineList.parse((await call(url, `${pipelines}?keyPrefix=${key}&limit=1${token}`, as(reader))).json);
    const first = await pageOf('');
    const second = await pageOf(`&pageToken=${first.nextPageToken ?? ''}`);
    expect([first, second].flatMap((page) => page.pipelines.map((row) => row.key))).toEqual([`${key}-2`, key]);
    const stolen = await call(url, `${pipelines}?keyPrefix=${key}&pageToken=${first.nextPageToken ?? ''}`, as(other));
    expect(stolen).toMatchObject({ status: 400, json: { name: 'MalformedRequest' } });
  });
  await call(url, `${pipelines}/${key}-2/result?wait=60s`, as(reader));
  await eventually(async () => {
    const { json } = await call(url, '/api/v1/pipeline-counts', as(reader));
    const ended = { succeeded: 2, partial: 0, failed: 0, cancelled: 0, timed_out: 0 };
    expect(pipelineCounts.strict().parse(json)).toMatchObject({ open: 0, byPhase: ended });
  });
  expect(stack.simulator().ledger().jobs).toHaveLength(2);
});

it('waits for a decision, takes it once, and tells who decided', async () => {
  const url = await serve();
  const key = randomUUID();
  const plan = { version: 1, steps: { pick: { approval: { choose: ['a', 'b'], message: 'Which?' } } } };
  expect(await call(url, pipelines, as(acme, 'POST', { key, plan }))).toMatchObject({ status: 201 });
  await eventually(async () => {
    const { json } = await call(url, `${pipelines}/${key}`, as(acme));
    expect(json).toMatchObject({ steps: [{ id: 'pick', phase: 'awaiting_decision' }] });
  });
  expect(await call(url, `${pipelines}/${key}/result`, as(acme))).toMatchObject({ status: 202, json: { key } });
  await eventually(async () => {
    expect(await call(url, '/api/v1/pipeline-counts', as(reader))).toMatchObject({ status: 200, json: { open: 1 } });
  });
  const stream = await fetch(`${url}${pipelines}/${key}/events`, { headers: as(reader).headers });
  expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  let events = '';
  const listening = (async () => {
    for await (const chunk of stream.body?.pipeThrough(new TextDecoderStream()) ?? []) events += chunk;
  })();
  // Else all may be over before the first state is read.
  await eventually(() => expect(events).toContain('event: state'));
  const decisions = `${pipelines}/${key}/decisions`;
  const nobody = await call(url, decisions, as(acme, 'POST', { step: 'none', decision: 'approve' }));
  expect(nobody).toMatchObject({
    status: 404,
    json: { name: 'StepNotFound', detail: expect.stringContaining('no step') },
  });
  expect(await call(url, decisions, as(reader, 'POST', { step: 'pick', decision: 'reject' }))).toMatchObject({
    status: 403,
    json: { name: 'NotAllowed' },
  });
  const rejected = await call(
    url,
    decisions,
    as(acme, 'POST', { step: 'pick', decision: 'reject', reason: 'neither' }),
  );
  expect(rejected.status, rejected.text).toBe(200);
  await listening;
  expect(events).toMatch(/event: state\n(?:.|\n)*event: end\ndata: .*"phase":"failed".*\n\n$/);
  expect(events).not.toContain('acme/');
  const lastId = /id: (\S+)\nevent: end/.exec(events)?.[1] ?? '';
  expect(await call(url, `${pipelines}/${key}/events?lastEventId=${lastId}`, as(reader))).toMatchObject({
    status: 204,
  });
  const result = await call(url, `${pipelines}/${key}/result?wait=60`, as(acme));
  expect(result).toMatchObject({ status: 409, json: { name: 'PipelineFailed', key } });
  expect(result.text).not.toContain('acme');
  const { json } = await call(url, `${pipelines}/${key}`, as(acme));
  expect(json).toMatchObject({ phase: 'failed', steps: [{ approval: { decision: 'reject', by: acme.id } }] });
});

it("refuses by name what it does not carry out, and knows nothing of another tenant's", async () => {
  const url = await serve();
  const jobs = stack.simulator().ledger().jobs.length;
  const key = randomUUID();
  const start = (body: object, caller = acme) => call(url, pipelines, as(caller, 'POST', { key, ...body }));
  const secret = 'bytedance/seedance-2.5/image-to-video/720p';
  const elsewhere = { onFailure: { fallback: [{ model: secret, input: {} }] } };
  const unnamed = { params: { m: { type: 'string' } }, ...planOf('a', { model: '${{ params.m }}' }) };
  const rows: [body: object, status: number, name: string][] = [
    [{}, 422, 'InvalidInput'],
    [{ plan: planOf('a'), nonsense: 1 }, 422, 'InvalidInput'],
    [{ plan: { version: 1 } }, 422, 'InvalidInput'],
    [{ plan: planOf('${{ steps.none.image }}') }, 422, 'InvalidInput'],
    [{ plan: planOf('a'), key: 'a/webhook/b' }, 422, 'InvalidInput'],
    [{ plan: planOf('a', { model: secret }) }, 403, 'NotAllowed'],
    [{ plan: planOf('a', elsewhere) }, 403, 'NotAllowed'],
    [{ plan: unnamed, params: { m: secret } }, 403, 'NotAllowed'],
  ];
  for (const [body, status, name] of rows) {
    const { json, text } = await start(body);
    expect([json['status'], json['name']], text).toEqual([status, name]);
    expect(text).not.toContain('acme');
  }
  expect(await start({ plan: planOf('a') }, reader)).toMatchObject({ status: 403, json: { name: 'NotAllowed' } });

  const plan = { version: 1, steps: { pick: { approval: {} } } };
  expect((await start({ plan })).status).toBe(201);
  const guesses = [key, `acme-${suffix}/${key}`, `../acme-${suffix}/${key}`, randomUUID()].map(encodeURIComponent);
  const paths: [path: string, body?: object][] = [
    ...([[''], ['/result'], ['/events'], ['/cancel', {}]] as [string, object?][]),
    ['/decisions', { step: 'pick', decision: 'approve' }],
  ];
  for (const [operation, body] of paths) {
    const told = await Promise.all(
      guesses.map(async (guess) => {
        const made = as(other, body ? 'POST' : 'GET', body);
        const { status, json } = await call(url, `${pipelines}/${guess}${operation}`, made);
        return { status, name: json['name'], detail: json['detail'] };
      }),
    );
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size, operation).toBe(1);
    expect(told[0], operation).toMatchObject({ status: 404, name: 'KeyNotFound' });
  }
  const theirs = await start({ plan, key }, other);
  expect(theirs.status, 'the same key is another tenant`s own').toBe(201);
  const asGeneration = await call(url, `/api/v1/generations/${key}`, as(acme));
  expect(asGeneration).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
  for (const caller of [acme, other]) {
    const stopped = await call(url, `${pipelines}/${key}/cancel`, as(caller, 'POST', { reason: 'done' }));
    expect(stopped.status, stopped.text).toBeLessThan(300);
  }
  expect(await call(url, `${pipelines}/${key}/result?wait=60`, as(acme))).toMatchObject({ status: 409 });
  // Who repeats it learns what became of it, also after the end.
  const repeated = await call(url, `${pipelines}/${key}/cancel`, as(acme, 'POST', {}));
  expect(repeated).toMatchObject({ status: 200, json: { outcome: 'not_submitted', phase: 'cancelled' } });
  expect(stack.simulator().ledger().jobs).toHaveLength(jobs);
});

it('runs a key again once for the run that is named, and attaches to a run again that is asked for once more', async () => {
  const url = await serve();
  const key = randomUUID();
  const post = (body: object) => call(url, pipelines, as(acme, 'POST', { key, ...body }));
  const ended = () => call(url, `${pipelines}/${key}/result?wait=60s`, as(acme));
  const prompts = () =>
    stack
      .simulator()
      .ledger()
      .jobs.filter(({ input }) => String(input['prompt']).startsWith(key));
  const unknown = await post({ plan: planOf(key), rerunOf: randomUUID() });
  expect(unknown).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });

  const first = await post({ plan: planOf(key) });
  expect((await ended()).status).toBe(200);
  const named = { plan: planOf(`${key} named`), rerunOf: first.json['runId'] };
  const second = await post(named);
  expect(second.status, second.text).toBe(201);
  const replayed = { status: 200, headers: { 'idempotent-replayed': 'true' }, json: { runId: second.json['runId'] } };
  expect(await post(named)).toMatchObject(replayed);
  expect((await ended()).status).toBe(200);
  expect(await post(named)).toMatchObject(replayed);

  const again = { plan: planOf(`${key} again`), rerun: true };
  const third = await post(again);
  expect(third.status, third.text).toBe(201);
  expect(await post(again)).toMatchObject({ status: 200, json: { runId: third.json['runId'] } });
  expect((await ended()).status).toBe(200);
  expect(prompts()).toHaveLength(3);
});
