import { expect, it } from 'vitest';
import { createApiKey, digestOf } from '../../../gateway/access/api-key.ts';
import { parseKeyRecords } from '../../../gateway/access/key-records.ts';
import { mayName } from '../../../gateway/access/may-name.ts';
import { everyTenant, mayOrder, type Principal, tenantOfKey } from '../../../gateway/access/principal.ts';

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
