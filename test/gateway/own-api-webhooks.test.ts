import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { webhookKey } from '../../domain/webhook/webhook.ts';
import { delivery, deliveryList, generationInFull } from '../../gateway/contract/webhook.ts';
import { eventually } from '../support/eventually.ts';
import { serveCallers } from '../support/gateway-keys.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';
import { secretsFile, startReceiver, webhookSecret } from '../support/webhook-receiver.ts';

const secrets = { shop: [webhookSecret(7)] };
/** Filled in by each test with its receiver: workers read it anew. */
const allowedHosts: string[] = [];
const stack = gatewayStack(
  {},
  { webhooks: { secretsOf: (name) => Promise.resolve(name === 'shop' ? secrets.shop : undefined), allowedHosts } },
);
const targetOf = (key: string) => `/api/v1/generations/${encodeURIComponent(key)}/webhooks`;

it("tells of a tenant's own deliveries alone, and of none where no webhook was named", async () => {
  const { owner, reader, stranger } = await serveCallers(stack, {
    owner: { tenant: 'hooks' },
    reader: { tenant: 'hooks', scopes: ['read'] },
    stranger: { tenant: 'no-hooks' },
  });
  const key = randomUUID();
  const body = { key, model: flux, input: { prompt: key } };
  expect((await owner.post('/api/v1/generations?wait=60', body)).status).toBe(201);
  const told = await reader.get(targetOf(key));
  expect(deliveryList.strict().parse(told.json)).toEqual({ deliveries: [] });
  expect(await reader.post(`${targetOf(key)}/generation.succeeded/replay`)).toMatchObject({ status: 403 });
  expect(await owner.post(`${targetOf(key)}/generation.done/replay`)).toMatchObject({
    status: 422,
    json: { name: 'InvalidInput' },
  });
  const never = await owner.post(`${targetOf(key)}/generation.succeeded/replay`);
  expect(never).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
  for (const guess of [key, `${owner.tenant}/${key}`, randomUUID()]) {
    const answers = [
      await stranger.get(targetOf(guess)),
      await stranger.post(`${targetOf(guess)}/generation.succeeded/replay`),
    ];
    for (const { status, json } of answers) {
      expect([status, json['detail']], guess).toEqual([404, never.json['detail']]);
    }
  }
});

it('shows its tenant a delivery as it stands and delivers it again, and is not there for another', async () => {
  const { url, host, of } = await startReceiver();
  allowedHosts.push(host);
  const env = { RUNCOMFY_WEBHOOK_ALLOW_HOSTS: host };
  const callers = {
    owner: { tenant: 'shop', webhook: { url: 'https://hooks.example', secret: 'shop' } },
    reader: { tenant: 'shop', scopes: ['read'] },
    stranger: { tenant: 'x' },
  };
  const { owner, reader, stranger } = await serveCallers(stack, callers, env);
  const key = `order/${randomUUID()}`;
  const webhook = { url: `${url}?token=hidden`, secret: 'shop', events: ['generation.succeeded'] };
  const body = { key, model: flux, input: { prompt: key }, webhook };
  expect(await owner.post('/api/v1/generations?wait=60', body)).toMatchObject({ status: 201 });
  const deliveries = async () => deliveryList.strict().parse((await reader.get(targetOf(key))).json).deliveries;
  const one = { event: 'generation.succeeded', url, state: 'delivered' };
  /** The attempts of the one delivery, the last of which alone was answered: one whose answer was late is made again. */
  const delivered = async () => {
    const all = await deliveries();
    expect(all).toMatchObject([one]);
    const statuses = all[0]?.attempts.map(({ httpStatus }) => httpStatus) ?? [];
    expect([statuses.at(-1), statuses.slice(0, -1).filter((status) => status !== undefined)]).toEqual([204, []]);
    return statuses.length;
  };
  let attempts = 0;
  await eventually(async () => {
    attempts = await delivered();
  });
  const path = `/api/v1/generations/${encodeURIComponent(key)}`;
  const inFull = await reader.get(`${path}?include=request,webhooks`);
  expect(generationInFull.strict().parse(inFull.json)).toMatchObject({ webhooks: [one], request: { webhook } });
  expect(await reader.get(`${path}?include=request&include=everything`)).toMatchObject({ status: 422 });
  const [first] = of(key);
  expect(first?.body.data).toMatchObject({ key, tenant: owner.tenant });

  const replayOf = (guess: string) => `${targetOf(guess)}/generation.succeeded/replay`;
  const never = randomUUID();
  for (const [read, replay] of [
    [targetOf(key), replayOf(key)],
    [targetOf(`${owner.tenant}/${key}`), replayOf(`${owner.tenant}/${key}`)],
  ] as const) {
    const [unread, unplayed] = [await stranger.get(read), await stranger.post(replay)];
    expect([unread.status, unread.json['detail']]).toEqual([404, (await stranger.get(targetOf(never))).json['detail']]);
    expect([unplayed.status, unplayed.json['detail']]).toEqual([
      404,
      (await stranger.post(replayOf(never))).json['detail'],
    ]);
  }
  expect(await reader.post(replayOf(key))).toMatchObject({ status: 403 });
  const told = of(key).length;
  expect(told).toBeLessThanOrEqual(attempts);

  const again = await owner.post(replayOf(key));
  expect(again.status, again.text).toBe(202);
  expect(delivery.strict().parse(again.json)).toMatchObject({ event: 'generation.succeeded', url });
  await eventually(async () => {
    expect(of(key).length).toBeGreaterThan(told);
    expect(of(key).length - told).toBeLessThanOrEqual(await delivered());
    expect(new Set(of(key).map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([first?.headers['webhook-id']]),
    );
  });
});

it('lists the attempts of a delivery that was ended from outside', async () => {
  const { url, host } = await startReceiver(() => 500);
  allowedHosts.push(host);
  const env = { RUNCOMFY_WEBHOOK_ALLOW_HOSTS: host };
  const ofKey = { url: 'https://hooks.example', secret: 'shop' };
  const { owner } = await serveCallers(stack, { owner: { tenant: 'ended', webhook: ofKey } }, env);
  for (const end of ['cancel', 'terminate'] as const) {
    const key = randomUUID();
    const webhook = { url, secret: 'shop', events: ['generation.succeeded'] };
    const body = { key, model: flux, input: { prompt: key }, webhook };
    expect(await owner.post('/api/v1/generations?wait=60', body)).toMatchObject({ status: 201 });
    const deliveries = async () => deliveryList.strict().parse((await owner.get(targetOf(key))).json).deliveries;
    const attempts = async () => (await deliveries())[0]?.attempts.length ?? 0;
    await eventually(async () => {
      expect(await attempts()).toBeGreaterThan(0);
    });
    const before = await attempts();
    const handle = stack.client().workflow.getHandle(webhookKey(`${owner.tenant}/${key}`, 'generation.succeeded'));
    await handle[end]();
    await handle.result().catch(() => undefined);
    expect(await deliveries()).toMatchObject([{ state: 'exhausted' }]);
    expect(await attempts()).toBeGreaterThanOrEqual(before);
  }
});

describe('a webhook that could never be told', () => {
  const unfit: [url: string, secret: string][] = [
    'http://hooks.example',
    'https://user:p@hooks.example',
    'https://127.0.0.1',
    'https://[::ffff:10.0.0.1]',
    'https://0x7f.1',
    'https://2130706433',
    'https://localhost.',
    'https://hooks.example:0',
    'https://10.1.2.3',
    'https://169.254.169.254/latest',
    'ftp://hooks.example',
  ].map((url) => [url, 'shop']);

  it('is refused before anything is started, whoever names it: the order, or its API key', async () => {
    const file = await secretsFile(secrets);
    const { owner, careless } = await serveCallers(
      stack,
      {
        owner: { tenant: 'guarded' },
        careless: { tenant: 'guarded', webhook: { url: 'https://hooks.example', secret: 'nobody' } },
      },
      { RUNCOMFY_WEBHOOK_SECRETS_FILE: file },
    );
    for (const [url, secret] of [...unfit, ['https://hooks.example', 'nobody'] as const]) {
      const key = randomUUID();
      const body = { key, model: flux, input: { prompt: key }, webhook: { url, secret } };
      const { status, json } = await owner.post('/api/v1/generations', body);
      expect([status, json['name']], url).toEqual([422, 'InvalidInput']);
      const place = `request.webhook.${secret === 'shop' ? 'url' : 'secret'}`;
      expect(
        (json['issues'] as { path: string }[]).map(({ path }) => path),
        url,
      ).toContain(place);
      expect(await owner.get(`/api/v1/generations/${key}`), url).toMatchObject({ status: 404 });
    }
    const body = { prompt: randomUUID() };
    const key = randomUUID();
    const compat = await careless.post(`/v1/models/${flux}`, body, { 'idempotency-key': key });
    expect(compat).toMatchObject({ status: 422, json: { error_code: 422001 } });
    expect(await careless.get(`/v1/requests/${key}/status`)).toMatchObject({ status: 404 });
  });
});
