import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { type Access, createAccess } from '../../../gateway/access/access.ts';
import { createApiKey, digestOf } from '../../../gateway/access/api-key.ts';
import { parseKeyRecords } from '../../../gateway/access/key-records.ts';
import { mayName, mayNameBudget } from '../../../gateway/access/may-name.ts';
import { everyTenant, mayOrder, type Principal, tenantOfKey } from '../../../gateway/access/principal.ts';
import { withBudgets } from '../../../gateway/api/generations/generation-body.ts';
import type { RefusalError } from '../../../gateway/http/refusal-error.ts';

const of = (tenant: string, more: Partial<Principal> = {}): Principal => ({ tenant, scope: 'generate', ...more });

it.each<[patterns: string[], model: string, isAllowed: boolean]>([
  [['kling/**'], 'kling/kling-3.0/standard/image-to-video', true],
  [['kling/**'], 'blackforestlabs/flux-2/pro', false],
  [['kling/**'], 'Kling/kling-3.0', false],
  [['kling/**'], 'klingon/kling-3.0', false],
  [['kling/**'], 'other/kling/kling-3.0', false],
  [['kling/*'], 'kling/kling-3.0', true],
  [['kling/*'], 'kling/kling-3.0/standard', false],
  [['kling/kling-3.0/*/image-to-video'], 'kling/kling-3.0/pro/image-to-video', true],
  [['kling/kling-3.0/*/image-to-video'], 'kling/kling-3.0/pro/more/image-to-video', false],
  [['kling/kling-3.0'], 'kling/kling-3x0', false],
  [['kling/kling-3.0'], 'kling/kling-3.0/standard', false],
  [['**'], 'any/thing', true],
  [['kling/**', 'minimax/**'], 'minimax/hailuo', true],
])('an API key for %j orders %s: %s', (models, model, isAllowed) => {
  const order = () => {
    mayOrder(of('acme', { models }), model);
  };
  if (isAllowed) expect(order).not.toThrow();
  else
    expect(order).toThrow(
      expect.objectContaining({ refusal: 'NotAllowed', message: expect.stringContaining(models[0] ?? '') }) as Error,
    );
});

it.each(['', 'kling/(.*)+', 'kling|x', 'kling/[a-z]', 'kling/?'])('%j is no pattern of models', (pattern) => {
  const { id, key } = createApiKey();
  const record = { id, name: 'x', tenant: 'acme', scopes: ['generate'], sha256: digestOf(key), models: [pattern] };
  const keys = [{ ...record, createdAt: '2026-11-26T05:00:00Z' }];
  expect(parseKeyRecords(JSON.stringify({ keys }))).toHaveProperty('problems');
});

it.each<[tenant: string, key: string, isAllowed: boolean]>([
  [everyTenant, 'ACME/order-1', false],
  [everyTenant, 'Acme', false],
  [everyTenant, 'ácme/order-1', false],
  [everyTenant, 'ａｃｍｅ/order-1', false],
  [everyTenant, 'acme／order-1', false],
  [everyTenant, 'ac\u00adme/order-1', false],
  [everyTenant, '＊/order-1', true],
  [everyTenant, 'acm/order-1', true],
  [everyTenant, 'acme/order-1', true],
  [everyTenant, 'acme', true],
  [everyTenant, 'ACMES/order-1', true],
  [everyTenant, 'x/ACME/order-1', true],
  ['umbrella', 'ACME/order-1', true],
])('%s may name a key %s, beside the tenant acme: %s', async (tenant, key, isAllowed) => {
  const named = mayName({ tenants: () => Promise.resolve(['*', 'acme']) }, of(tenant), key);
  if (isAllowed) await named;
  else await expect(named).rejects.toMatchObject({ refusal: 'InvalidInput', issues: [{ path: 'key' }] });
});

it.each<[tenant: string, name: string, isAllowed: boolean]>([
  [everyTenant, 'ACME.spring', false],
  [everyTenant, 'Acme.spring.late', false],
  [everyTenant, 'acme.spring', true],
  [everyTenant, 'ACMES.spring', true],
  [everyTenant, 'spring.ACME', true],
  [everyTenant, 'ACME', true],
  ['umbrella', 'ACME.spring', true],
])('%s may name a budget %s, beside the tenant acme: %s', async (tenant, name, isAllowed) => {
  const named = mayNameBudget({ tenants: () => Promise.resolve(['*', 'acme']) }, of(tenant), name);
  if (isAllowed) await named;
  else await expect(named).rejects.toMatchObject({ refusal: 'InvalidInput', issues: [{ path: 'name' }] });
});

it.each<[key: string, tenant: string | undefined]>([
  ['acme/order-1', 'acme'],
  ['acme/film/still@1', 'acme'],
  ['acme', undefined],
  ['acmes/order-1', undefined],
  ['film/still@1', undefined],
])('tells whoever acts for all tenants whose the key %s is: %s', (key, tenant) => {
  expect(tenantOfKey(of(everyTenant, { tenants: ['umbrella', 'acme'] }), key)).toBe(tenant);
  expect(tenantOfKey(of('acme'), key)).toBeUndefined();
});

/** A gateway's access with one API key: by a credential, `undefined` where it is taken, else why not, and in what words. */
function guarded() {
  let told: unknown;
  const { id, key } = createApiKey();
  const record = { id, name: 'x', tenant: 'acme', scopes: ['read' as const], sha256: digestOf(key), createdAt: '' };
  const access = createAccess({
    keys: () => sleep(1, [record]),
    tokens: () => sleep(1, undefined),
    onFailure: () => undefined,
  });
  const show = (credential: string) =>
    access
      .authenticate({
        ip: '192.0.2.1',
        headers: { authorization: credential },
        raw: { headersDistinct: { authorization: [`Bearer ${credential}`] } },
      } as unknown as Parameters<Access['authenticate']>[0])
      .then(
        () => undefined,
        (error: unknown) => {
          const { refusal, headers } = error as RefusalError;
          told = headers;
          return refusal;
        },
      );
  return { show, key, told: () => told };
}

it.each([
  ['API keys', () => createApiKey().key],
  ['tokens', () => 'a.b.c'],
])('wrong %s that come at once all count as guesses', async (_what, guess) => {
  const { show, key } = guarded();
  const answers = await Promise.all(Array.from({ length: 25 }, () => show(guess())));
  expect(answers).toEqual(answers.map((_answer, at) => (at < 20 ? 'NotAuthenticated' : 'TooManyRequests')));
  expect(await show(key)).toBe('TooManyRequests');
});

it.each<[tenant: string, budgets: unknown, told: unknown]>([
  ['acme', ['acme.studio'], ['studio']],
  [everyTenant, ['acme.studio'], ['acme.studio']],
  ['acme', null, null],
  ['acme', 'studio', 'studio'],
  ['acme', [1, null, 'acme.studio'], [1, null, 'studio']],
])('a caller of %s is told budgets %j, whoever has sent them', (tenant, budgets, told) => {
  expect(withBudgets(of(tenant), { budgets })).toEqual({ budgets: told });
});

it('an address that guessed is refused for a minute from its last guess', async () => {
  let now = 1_000;
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => clock.mockRestore());
  const { show, key, told } = guarded();
  const at = async (ms: number) => {
    now = 1_000 + ms;
    // What tells the time keeps it for a millisecond.
    await sleep(5);
  };
  for (let times = 0; times < 19; times += 1) await show('wrong');
  await at(59_000);
  await show('wrong');
  await at(118_000);
  expect(await show(key)).toBe('TooManyRequests');
  const limits = { 'ratelimit-limit': '20', 'ratelimit-remaining': '0', 'ratelimit-reset': '1' };
  expect(told()).toEqual({ 'retry-after': '1', ...limits });
  await at(120_000);
  expect(await show(key)).toBeUndefined();
});
