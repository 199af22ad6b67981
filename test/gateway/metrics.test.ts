import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import path from 'node:path';
import pino from 'pino';
import { expect, it } from 'vitest';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { historyJson } from '../support/generations.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';
import { findSecret } from '../support/secret-search.ts';
import { flux } from '../support/simulator-client.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

const stack = gatewayStack({ profiles: { '*': { queueMs: 600_000, runMs: 100 } } });

/** A gateway with metrics and one API key of a tenant. */
async function withMetrics() {
  const file = path.join(await temporaryFolder(), 'keys.json');
  const made = await commandInProcess(
    ['keys', 'create', '--tenant', 'metrics-acme', '--name', 'a test', '--scope', 'generate', '--output', 'json'],
    { RUNCOMFY_GATEWAY_KEYS_FILE: file },
  );
  const { key: apiKey } = JSON.parse(made.stdout) as { key: string };
  const port = await freePort();
  const issuer = await startTokenIssuer();
  const lines: string[] = [];
  const env = {
    RUNCOMFY_GATEWAY_KEYS_FILE: file,
    RUNCOMFY_METRICS_ADDRESS: `127.0.0.1:${String(port)}`,
    RUNCOMFY_GATEWAY_OIDC_ISSUER: issuer.url,
    RUNCOMFY_GATEWAY_OIDC_AUDIENCE: 'media',
  };
  const { url } = await stack.serve(env, pino({ level: 'debug' }, { write: (line: string) => lines.push(line) }));
  const scrape = () => call(`http://127.0.0.1:${String(port)}`, '/metrics');
  const log = () => lines.join('');
  return { apiKey, url, scrape, log, issuer, headers: { authorization: `Bearer ${apiKey}` } };
}

/** The values of a scrape, by name and labels as they are written. */
function valuesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith('runcomfy_gateway_'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

it('tells Prometheus what was called, started, asked of Temporal and refused, by routes and never by what callers wrote', async () => {
  const { apiKey, url, scrape, log, issuer, headers } = await withMetrics();
  const key = `order-${randomUUID()}`;
  const order = (prompt: string) =>
    call(url, `/v1/models/${flux}`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': key },
      body: { prompt },
    });
  expect((await order('a secret prompt')).status).toBe(200);
  expect((await order('a secret prompt')).headers['idempotent-replayed']).toBe('true');
  const refused = await order('another prompt');
  expect(refused.status).toBe(422);
  expect((await call(url, `/v1/requests/${key}/status`, { headers })).status).toBe(200);
  expect((await call(url, `/api/v1/generations/${key}?of=${apiKey}`)).status).toBe(401);
  const guess = `${apiKey.slice(0, -1)}${apiKey.endsWith('a') ? 'b' : 'a'}`;
  const guessed = await call(url, '/v1/models', { headers: { authorization: `Bearer ${guess}` } });
  expect(guessed.status).toBe(401);
  const token = await issuer.token({ claims: { aud: 'other' } });
  const denied = await call(url, '/api/v1/whoami', { headers: { authorization: `Bearer ${token}` } });
  expect(denied.status).toBe(401);
  expect((await call(url, `/nowhere/${key}`, { method: 'PURGE' })).status).toBe(404);
  expect((await call(url, '/%zz')).status).toBe(400);

  let text = '';
  await eventually(async () => {
    ({ text } = await scrape());
    expect(text).toContain('status="404"');
  });
  const route = 'api="runcomfy",route="/v1/models/*",method="POST"';
  const values = valuesOf(text);
  expect(values).toMatchObject({
    [`runcomfy_gateway_requests_total{${route},status="200"}`]: 2,
    [`runcomfy_gateway_requests_total{${route},status="422"}`]: 1,
    [`runcomfy_gateway_request_seconds_count{${route}}`]: 3,
    'runcomfy_gateway_requests_total{api="runcomfy",route="/v1/requests/:id/status",method="GET",status="200"}': 1,
    'runcomfy_gateway_requests_total{api="own",route="/api/v1/generations/:key",method="GET",status="401"}': 1,
    'runcomfy_gateway_requests_total{api="other",route="none",method="other",status="404"}': 1,
    'runcomfy_gateway_requests_total{api="other",route="none",method="other",status="400"}': 1,
    'runcomfy_gateway_starts_total{result="new"}': 1,
    'runcomfy_gateway_starts_total{result="attached"}': 1,
    'runcomfy_gateway_starts_total{result="refused"}': 1,
    'runcomfy_gateway_auth_failures_total{reason="missing"}': 1,
    'runcomfy_gateway_auth_failures_total{reason="invalid"}': 2,
    runcomfy_gateway_sse_listeners: 0,
  });
  expect(values['runcomfy_gateway_temporal_calls_total{call="StartWorkflowExecution"}']).toBeGreaterThan(0);
  expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);

  const [, id = '', secret = ''] = apiKey.split('_');
  for (const hidden of [apiKey, id, secret, guess, 'sim-gateway', key, 'metrics-acme', 'secret prompt', flux]) {
    expect(findSecret(hidden, { metrics: text }), hidden).toEqual([]);
  }
  const history = await stack.client().workflow.getHandle(`metrics-acme/${key}`).fetchHistory();
  const replies = [refused, guessed, denied].map((reply) => reply.text + JSON.stringify(reply.headers)).join('');
  const places = { metrics: text, 'the log': log(), 'the history, its memo too': historyJson(history), replies };
  for (const hidden of [apiKey, secret, guess, token, 'sim-gateway']) expect(findSecret(hidden, places)).toEqual([]);
  // What does stand there is found there.
  expect(findSecret('a secret prompt', places)).toEqual(['the history, its memo too']);
  expect(findSecret(String(denied.headers['x-request-id']), places)).toEqual(['the log', 'replies']);
});

it('counts who listens now, and no longer who has left', async () => {
  const { url, scrape, headers } = await withMetrics();
  const listeners = async () => valuesOf((await scrape()).text)['runcomfy_gateway_sse_listeners'];
  const key = `order-${randomUUID()}`;
  const options = { method: 'POST', headers: { ...headers, 'idempotency-key': key }, body: { prompt: key } };
  expect((await call(url, `/v1/models/${flux}`, options)).status).toBe(200);
  const listener = request(`${url}/api/v1/generations/${key}/events`, { headers: { ...headers, accept: '*/*' } }).end();
  listener.on('error', () => undefined);
  await once(listener, 'response');
  await eventually(async () => expect(await listeners()).toBe(1));
  listener.destroy();
  await eventually(async () => expect(await listeners()).toBe(0));
});

it('does not start where the address of its metrics is taken, and leaves its own free', async () => {
  const [port, own] = [await freePort(), await freePort()];
  const holder = createServer().listen(port, '127.0.0.1');
  await once(holder, 'listening');
  const settings = {
    RUNCOMFY_GATEWAY_ADDRESS: `127.0.0.1:${String(own)}`,
    RUNCOMFY_METRICS_ADDRESS: `127.0.0.1:${String(port)}`,
  };
  const refused = await commandInProcess(['gateway', '--output', 'json'], { ...stack.environment(), ...settings });
  expect([refused.exitCode, refused.stderr + refused.stdout]).toEqual([
    78,
    expect.stringMatching(/RUNCOMFY_METRICS_ADDRESS: cannot listen on 127\.0\.0\.1:\d+ \(.*EADDRINUSE.*\); give each/),
  ]);
  await new Promise((resolve) => holder.close(resolve));
  const { url } = await stack.serve(settings);
  expect(url).toBe(`http://127.0.0.1:${String(own)}`);
});
