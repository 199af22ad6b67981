import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createDedupedKeys } from '../../../gateway/generations/deduped-key.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const objects = `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`;
const lists = `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`;
const own = (input: string) => `{"model":"${flux}","input":{"a":${input}}}`;
const compat = (input: string) => `{"a":${input}}`;

it.each([
  ['objects', objects],
  ['lists', lists],
])('refuses by its name a body of more %s inside each other than can be looked through', async (_what, deep) => {
  const { access, headers } = withKey({ dedupe: { windowMs: 60_000 } });
  const read = () => Promise.reject(new Error('nothing may be asked for'));
  const url = await serve(access, { dedupedKeys: createDedupedKeys({ read }) });
  const post = (at: string, target: string, body: string) =>
    call(at, target, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const issues = [{ path: '$', message: expect.stringContaining('1,000 levels') as string }];
  const answer = await post(url, '/api/v1/generations', own(deep));
  expect(answer, answer.text).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues } });
  for (const at of [url, await serve(anonymousAccess)]) {
    const told = await post(at, `/v1/models/${flux}`, compat(deep));
    expect(told, told.text).toMatchObject({ status: 422, json: { error_code: 422_001 } });
    expect(told.text).toContain('1,000 levels');
  }
});

it('takes brackets in texts for what they are', async () => {
  const url = await serve(anonymousAccess);
  const body = `{"reason":"${'[\\"{'.repeat(1_000)}"}`;
  const made = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
  const tooLong = { status: 422, json: { issues: [{ path: 'body.reason' }] } };
  expect(await call(url, '/api/v1/generations/k/cancel', made)).toMatchObject(tooLong);
});
