import { randomUUID } from 'node:crypto';
import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createApiKey } from '../../gateway/access/api-key.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { temporaryFolder } from '../support/processes.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';

const stack = gatewayStack({ profiles: { '*': { queueMs: 600_000, runMs: 100 } } });

/** A gateway that asks for keys, and the command that makes them. */
async function withKeys() {
  const file = path.join(await temporaryFolder(), 'keys.json');
  const keys = (...args: string[]) =>
    commandInProcess(['keys', ...args, '--output', 'json'], { RUNCOMFY_GATEWAY_KEYS_FILE: file });
  const create = async (tenant: string, scope: string, ...more: string[]) => {
    const made = await keys('create', '--tenant', tenant, '--name', 'a test', '--scope', scope, ...more);
    expect(made.exitCode, made.stderr + made.stdout).toBe(0);
    return JSON.parse(made.stdout) as { id: string; key: string };
  };
  const first = await create('*', 'admin');
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS_FILE: file });
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  /** Waits until the gateway has read of a change, asking so seldom that it never counts as guessing. */
  const answers = (headers: Record<string, string>, status: number) =>
    eventually(async () => expect((await call(url, '/v1/models', { headers })).status).toBe(status), { everyMs: 700 });
  return { file, keys, create, first, url, as, answers };
}

describe('an API key', () => {
  it('is asked for, and refused in the same words whatever is wrong with it', async () => {
    const { first, url, as, create, keys, answers } = await withKeys();
    const { key } = first;
    const changed = `${key.slice(0, 20)}${key[20] === 'a' ? 'b' : 'a'}${key.slice(21)}`;
    const expired = await create('acme', 'read', '--expires', '1s');
    const revoked = await create('acme', 'read');
    await answers(as(revoked.key), 200);
    expect((await keys('revoke', revoked.id)).exitCode).toBe(0);
    await answers(as(revoked.key), 401);
    await answers(as(expired.key), 401);
    const wrong: Record<string, string | string[]>[] = [
      {},
      as(changed),
      as(createApiKey().key),
      { authorization: `Basic ${key}` },
      { authorization: '' },
      { authorization: [`Bearer ${key}`, `Bearer ${key}`] },
      { cookie: `token=${key}` },
    ];
    const texts = new Set<string>();
    for (const headers of wrong) {
      const answer = await call(url, `/v1/models?token=${key}`, { headers });
      expect([answer.status, answer.json['error_code'], answer.headers['www-authenticate']]).toEqual([
        401,
        401001,
        'Bearer',
      ]);
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
    expect((await call(url, '/v1/models', { headers: as(key) })).status).toBe(200);
    expect((await call(url, '/healthz')).status).toBe(200);
  });

  it('does what its scope and its models allow, and names what is missing', async () => {
    const { url, as, create, answers } = await withKeys();
    const reader = as((await create('acme', 'read')).key);
    const klingOnly = as((await create('acme', 'generate', '--model', 'kling/**', '--model', 'minimax/*/x')).key);
    const body = { prompt: randomUUID() };
    await answers(klingOnly, 200);
    const submit = await call(url, `/v1/models/${flux}`, { method: 'POST', headers: reader, body });
    expect(submit).toMatchObject({
      status: 403,
      json: { error_code: 403003, error_message: expect.stringContaining('generate') },
    });
    expect(await call(url, '/v1/requests/x/cancel', { method: 'POST', headers: reader })).toMatchObject({
      status: 403,
    });
    for (const [target, more] of [
      ['/api/v1/generations/x/nudge', {}],
      ['/api/v1/generations', { body: { model: flux, input: body } }],
    ] as const) {
      const refused = await call(url, target, { method: 'POST', headers: reader, ...more });
      const detail = expect.stringContaining('needs generate');
      expect(refused, target).toMatchObject({ status: 403, json: { name: 'NotAllowed', detail } });
    }
    expect(await call(url, '/prod/v2/balance', { headers: reader })).toMatchObject({ status: 403 });
    const decision = { method: 'POST', headers: klingOnly, body: { action: 'abandon' } };
    const undecided = await call(url, '/api/v1/generations/x/resolution', decision);
    expect(undecided).toMatchObject({
      status: 403,
      json: { name: 'NotAllowed', detail: expect.stringContaining('admin') },
    });
    const other = await call(url, `/v1/models/${flux}`, { method: 'POST', headers: klingOnly, body });
    expect(other).toMatchObject({ status: 403, json: { error_message: expect.stringContaining('kling/**') } });
    expect(
      stack
        .simulator()
        .ledger()
        .jobs.filter(({ input }) => input['prompt'] === body.prompt),
    ).toEqual([]);
    const made = await call(url, `/v1/models/${kling}`, { method: 'POST', headers: klingOnly, body: klingInput });
    expect(made.status, made.text).toBe(200);
  });

  it("shows a tenant its own and nothing of another's, in the words of what never was", async () => {
    const { url, as, create, first, answers } = await withKeys();
    const a = as((await create('tenant-a', 'generate')).key);
    const b = as((await create('tenant-b', 'generate')).key);
    await answers(b, 200);
    const key = randomUUID();
    const order = (headers: Record<string, string>) =>
      call(url, `/v1/models/${flux}`, {
        method: 'POST',
        headers: { ...headers, 'idempotency-key': key },
        body: { prompt: key },
      });
    expect(await order(b)).toMatchObject({ status: 200, json: { request_id: key } });
    const unknown = (await call(url, '/v1/requests/never/status', { headers: a })).text;
    for (const id of [key, `tenant-b%2F${key}`, `..%2Ftenant-b%2F${key}`, `%2e%2e%2ftenant-b%2f${key}`]) {
      for (const [what, method] of [
        ['status', 'GET'],
        ['result', 'GET'],
        ['cancel', 'POST'],
      ] as const) {
        const answer = await call(url, `/v1/requests/${id}/${what}`, { method, headers: a });
        expect([id, what, answer.status, answer.text]).toEqual([id, what, 404, unknown]);
      }
    }
    const own = await call(url, `/v1/requests/${key}/status`, { headers: b });
    expect(own).toMatchObject({ status: 200, headers: { 'runcomfy-temporal-key': key } });
    expect(own.text + JSON.stringify(own.headers)).not.toContain('tenant-b');
    const all = await call(url, `/v1/requests/${key}/status`, { headers: as(first.key) });
    expect(all.status).toBe(404);
    const replayed = await order(a);
    expect(replayed.headers['idempotent-replayed']).toBeUndefined();
    await eventually(() => {
      expect(
        stack
          .simulator()
          .ledger()
          .jobs.filter(({ input }) => input['prompt'] === key),
      ).toHaveLength(2);
    });
    expect((await stack.client().workflow.getHandle(`tenant-b/${key}`).describe()).status.name).toBe('RUNNING');
  });

  it('is refused for a minute, valid or not, after twenty wrong ones from an address', async () => {
    const { url, as, first } = await withKeys();
    const guess = () => call(url, '/v1/models', { headers: as(createApiKey().key) });
    for (let at = 0; at < 20; at += 1) expect((await guess()).status).toBe(401);
    const answer = await call(url, '/v1/models', { headers: as(first.key) });
    expect([answer.status, answer.json['error_code'], answer.headers['retry-after']]).toEqual([429, 429001, '60']);
  });

  it('is kept as a hash, in a file of its owner, which a bad change leaves in force', async () => {
    const { file, keys, first, url, as } = await withKeys();
    const text = await readFile(file, 'utf8');
    expect(text).not.toContain(first.key.slice(13));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const listed = await keys('list');
    expect(JSON.parse(listed.stdout)).toMatchObject({ keys: [{ id: first.id, tenant: '*', scopes: ['admin'] }] });
    expect(listed.stdout).not.toContain('sha256');
    expect((await keys('revoke', 'nothing0')).exitCode).toBe(66);
    expect((await keys('create', '--tenant', 'A b', '--name', 'x')).exitCode).toBe(64);
    await writeFile(file, '{');
    const lookedAgain = Date.now() + 1_500;
    await eventually(async () => {
      expect((await call(url, '/v1/models', { headers: as(first.key) })).status).toBe(200);
      expect(Date.now()).toBeGreaterThan(lookedAgain);
    });
  });
});

describe('a token of an issuer', () => {
  it('is taken beside API keys: valid 200, wrong 401, without a tenant 403, the issuer away 503', async () => {
    const issuer = await startTokenIssuer();
    const oidc = { RUNCOMFY_GATEWAY_OIDC_ISSUER: issuer.url, RUNCOMFY_GATEWAY_OIDC_AUDIENCE: 'media' };
    const { url } = await stack.serve(oidc);
    const as = async (claims: Record<string, unknown>) => ({
      authorization: `Bearer ${await issuer.token({ claims })}`,
    });
    const answer = async (claims: Record<string, unknown> = {}, base = url) => {
      const { status, json, headers } = await call(base, '/v1/models', { headers: await as(claims) });
      return [status, json['error_code'], headers['www-authenticate'] ?? headers['retry-after']];
    };
    expect(await answer()).toEqual([200, undefined, undefined]);
    expect(await answer({ aud: 'other' })).toEqual([401, 401001, 'Bearer']);
    expect(await answer({ tenant: undefined })).toEqual([403, 403003, undefined]);
    const body = { prompt: randomUUID() };
    const made = await call(url, `/v1/models/${flux}`, { method: 'POST', headers: await as({}), body });
    expect(made.status, made.text).toBe(200);
    const workflowId = `acme/${String(made.json['request_id'])}`;
    expect((await stack.client().workflow.getHandle(workflowId).describe()).status.name).toBe('RUNNING');
    const fresh = await stack.serve(oidc);
    issuer.setAway(true);
    expect(await answer({}, fresh.url)).toEqual([503, 503003, '5']);
  });
});

describe('a gateway', () => {
  it.each<[what: string, env: Record<string, string>, args: string[], problem: RegExp]>([
    ['other addresses without keys', {}, ['--host', '0.0.0.0'], /0\.0\.0\.0 without API keys/],
    ['no key file', { RUNCOMFY_GATEWAY_KEYS_FILE: '/nowhere/keys.json' }, [], /ENOENT/],
    ['an issuer without an audience', { RUNCOMFY_GATEWAY_OIDC_ISSUER: 'https://login.example' }, [], /set both/],
    ['a public URL with a path', {}, ['--public-url', 'https://media.example.com/v1'], /without path/],
  ])('does not start with %s: exit 78', async (_what, env, args, problem) => {
    const ended = await commandInProcess(['gateway', '--port', '0', ...args], {
      ...strings(stack.environment()),
      ...env,
    });
    expect(ended.exitCode).toBe(78);
    expect(ended.stdout + ended.stderr).toMatch(problem);
  });

  it('does not start with a key file that is wrong, and names every problem', async () => {
    const file = path.join(await temporaryFolder(), 'keys.json');
    const record = { id: 'aaaaaaaa', name: 'x', scopes: ['all'], tenant: 'A', sha256: 'x', createdAt: 'now', more: 1 };
    await writeFile(file, JSON.stringify({ keys: [record] }));
    await chmod(file, 0o600);
    const env = { ...strings(stack.environment()), RUNCOMFY_GATEWAY_KEYS_FILE: file };
    const ended = await commandInProcess(['gateway', '--port', '0'], env);
    expect(ended.exitCode).toBe(78);
    for (const name of ['scopes', 'tenant', 'sha256', 'createdAt', 'more'])
      expect(ended.stdout + ended.stderr).toContain(name);
  });
});

function strings(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value ?? '']));
}
