import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';

it.each([
  ['a tenant', withKey({})],
  ['nobody in particular', undefined],
])('says for whom a late result is fetched: %s', async (_who, caller) => {
  const asked: unknown[] = [];
  const collectLate = (key: string, by: object) => {
    asked.push([key, by]);
    return Promise.resolve({ key: `${key}/late`, runId: 'r', attached: false, notices: [] });
  };
  const url = await serve(caller?.access ?? anonymousAccess, { generations: { collectLate } });
  const made = { method: 'POST', headers: caller?.headers ?? {}, body: {} };
  const answer = await call(url, '/api/v1/generations/k/late', made);
  expect(answer, answer.text).toMatchObject({ status: 201, json: { key: 'k/late' } });
  const via = 'gateway';
  expect(asked).toEqual([
    caller ? ['acme/k', { keyTenant: 'acme', caller: { by: caller.id, via } }] : ['k', { caller: { via } }],
  ]);
});
