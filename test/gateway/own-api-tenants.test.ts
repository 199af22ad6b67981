import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { generationCounts } from '../../gateway/contract/generation-counts.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { temporaryFolder } from '../support/processes.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

it("shows a tenant its own alone: what is another's is not there, in the same words, and in no list", async () => {
  // Other files order in the same namespace: no tenant of theirs may be one of these.
  const name = randomUUID().slice(0, 8);
  const [acme, other] = ['acme', 'umbrella'].map((word) => ({ tenant: `${word}-${name}`, ...createApiKey() }));
  if (!acme || !other) throw new Error('There are two tenants.');
  const record = ({ id, key: secret, tenant }: { id: string; key: string; tenant: string }) => ({
    ...{ id, tenant, sha256: digestOf(secret), name: 'a test', scopes: ['admin'], createdAt: new Date().toISOString() },
  });
  const file = path.join(await temporaryFolder(), 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [record(acme), record(other)] }), { mode: 0o600 });
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS_FILE: file });
  const as = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });
  const generations = '/api/v1/generations';
  const key = randomUUID();
  const body = { key, model: flux, input: { prompt: key } };
  const made = await call(url, `${generations}?wait=60`, { method: 'POST', headers: as(acme), body });
  expect(made).toMatchObject({ status: 201, json: { key, phase: 'succeeded' } });

  const guesses = [key, `${acme.tenant}/${key}`, `../${acme.tenant}/${key}`, randomUUID()].map(encodeURIComponent);
  const calls = ['', '/result', '/events', '/cancel', '/nudge', '/late', '/resolution'];
  for (const operation of calls) {
    const method = ['', '/result', '/events'].includes(operation) ? 'GET' : 'POST';
    const wish = operation === '/resolution' ? { action: 'abandon' } : operation === '/cancel' ? {} : undefined;
    const told = await Promise.all(
      guesses.map(async (guess) => {
        const made = { method, headers: as(other), ...(wish && { body: wish }) };
        const { status, json } = await call(url, `${generations}/${guess}${operation}`, made);
        return { status, name: json['name'], detail: json['detail'] };
      }),
    );
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size, operation).toBe(1);
    expect(told[0], operation).toMatchObject({ status: 404, name: 'KeyNotFound' });
  }

  const list = (caller: typeof acme, query = '') => call(url, `${generations}${query}`, { headers: as(caller) });
  await eventually(async () => {
    expect((await list(acme)).json).toMatchObject({ generations: [{ key, model: flux, phase: 'succeeded' }] });
  });
  expect((await list(other)).json).toEqual({ generations: [] });
  const counts = async (caller: typeof acme) =>
    generationCounts.strict().parse((await call(url, '/api/v1/generation-counts', { headers: as(caller) })).json);
  await eventually(async () => {
    expect(await counts(acme)).toMatchObject({ byPhase: { succeeded: 1, failed: 0, in_queue: 0 }, open: 0 });
  });
  expect(await counts(other)).toMatchObject({ byPhase: { succeeded: 0 }, open: 0 });
  expect((await list(acme, '?phase=failed')).json).toEqual({ generations: [] });
  expect(
    (await list(acme, `?phase=failed&phase=succeeded&keyPrefix=${key.slice(0, 8)}`)).json['generations'],
  ).toHaveLength(1);

  const second = randomUUID();
  const again = { method: 'POST', headers: as(acme), body: { ...body, key: second, input: { prompt: second } } };
  expect((await call(url, generations, again)).status).toBe(201);
  // What ends between two pages moves from one to the other.
  await eventually(async () => {
    expect((await list(acme, '?phase=succeeded')).json['generations']).toHaveLength(2);
  });
  const page = await list(acme, '?limit=1');
  const token = encodeURIComponent(String(page.json['nextPageToken']));
  const rest = await list(acme, `?limit=1&pageToken=${token}`);
  const keysOf = ({ json }: typeof page) => (json['generations'] as { key: string }[]).map((row) => row.key);
  expect([...keysOf(page), ...keysOf(rest)].toSorted()).toEqual([key, second].toSorted());
  for (const foreign of [
    await list(other, `?limit=1&pageToken=${token}`),
    await list(acme, `?phase=failed&pageToken=${token}`),
  ]) {
    expect(foreign).toMatchObject({ status: 400, json: { name: 'MalformedRequest' } });
  }

  const patternLike = `$& $' ${randomUUID()}`;
  const order = (prompt: string) => ({
    ...{ method: 'POST', headers: as(acme) },
    body: { ...body, key: patternLike, input: { prompt } },
  });
  expect((await call(url, generations, order('one'))).status).toBe(201);
  const refused = await call(url, generations, order('another'));
  expect(refused).toMatchObject({
    status: 422,
    json: { name: 'KeyInUse', detail: expect.stringContaining(patternLike) },
  });
  expect(refused.text).not.toContain('acme');
});
