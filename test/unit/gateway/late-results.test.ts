import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';

const webhook = { url: 'https://hooks.example/', secret: 'acme' };
const noSecret = [{ path: 'request.webhook.secret', message: 'no secrets are named "acme"' }];

/** A late result is asked for by this caller, where webhooks have these faults; what came of it, and what was started. */
async function fetchLate(caller?: ReturnType<typeof withKey>, faults: object[] = []) {
  const asked: unknown[] = [];
  const collectLate = (key: string, by: object) => {
    asked.push([key, by]);
    return Promise.resolve({ key: `${key}/late`, runId: 'r', attached: false, notices: [] });
  };
  const more = { generations: { collectLate }, checkWebhook: () => Promise.resolve(faults) };
  const url = await serve(caller?.access ?? anonymousAccess, more);
  const made = { method: 'POST', headers: caller?.headers ?? {}, body: {} };
  return { answer: await call(url, '/api/v1/generations/k/late', made), asked };
}

it.each([
  ['a tenant', withKey({})],
  ['nobody in particular', undefined],
])('says for whom a late result is fetched: %s', async (_who, caller) => {
  const { answer, asked } = await fetchLate(caller);
  expect(answer, answer.text).toMatchObject({ status: 201, json: { key: 'k/late' } });
  const via = 'gateway';
  expect(asked).toEqual([
    caller ? ['acme/k', { keyTenant: 'acme', caller: { by: caller.id, via } }] : ['k', { caller: { via } }],
  ]);
});

it('tells of a late result whom the API key names, as of an order that names nobody', async () => {
  const { answer, asked } = await fetchLate(withKey({ webhook }));
  expect([answer.status, asked]).toMatchObject([201, [['acme/k', { webhook }]]]);
});

it('fetches a late result all the same where the webhook of the API key can never be told', async () => {
  const caller = withKey({ webhook });
  const { answer, asked } = await fetchLate(caller, noSecret);
  expect(answer, answer.text).toMatchObject({ status: 201, json: { key: 'k/late' } });
  expect(asked).toEqual([['acme/k', { keyTenant: 'acme', caller: { by: caller.id, via: 'gateway' } }]]);
  expect(answer.headers['runcomfy-temporal-notice']).toMatch(/webhook.*no secrets/);
});
