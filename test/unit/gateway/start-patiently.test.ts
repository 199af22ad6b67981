import { type Client, WorkflowFailedError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { GenerationError, type GenerationErrorType, type PipelineStartOptions } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import type { Principal } from '../../../gateway/access/principal.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { startPatiently } from '../../../gateway/generations/start-patiently.ts';
import { RefusalError } from '../../../gateway/http/refusal-error.ts';
import { errorReply } from '../../../gateway/runcomfy-api/error-reply.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

/** A gateway that refuses every webhook by now and has a tenant acme; `isThere`: the order was taken before. */
function gatewayWhere(
  isThere: boolean,
  foundIs: 'the order' | 'another' | 'unreadable' | 'refused by now' = 'the order',
) {
  const starts: unknown[] = [];
  const orders: unknown[] = [];
  const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;
  const error = (type: 'KeyNotFound' | 'KeyInUse' | 'Undecodable' | 'InvalidInput') =>
    new GenerationError({ type, message: `"order-1": ${type}` });
  const parts = {
    client,
    settings: { onUnknownSubmission: 'hold' },
    metrics: { countStart: () => undefined },
    access: { tenants: () => Promise.resolve(['acme']) },
    checkWebhook: ({ secret }: { secret: string }) =>
      Promise.resolve(
        secret.endsWith('gone')
          ? [{ path: 'request.webhook.secret', message: `no secrets are named "${secret}"` }]
          : [],
      ),
    reader: { note: () => undefined, refresh: () => undefined },
    generations: {
      start: (order: unknown, { key, attachOnly = false }: { key: string; attachOnly?: boolean }) => {
        starts.push([key, attachOnly]);
        orders.push(order);
        if (attachOnly && !isThere) return Promise.reject(error('KeyNotFound'));
        if (!attachOnly && foundIs === 'refused by now') return Promise.reject(error('InvalidInput'));
        if (isThere && foundIs === 'another') return Promise.reject(error('KeyInUse'));
        if (foundIs === 'unreadable') return Promise.reject(error('Undecodable'));
        return Promise.resolve({ key, runId: 'run', attached: isThere, notices: [] });
      },
    },
  } as unknown as GatewayParts;
  return { parts, starts, orders };
}

const order = { model: flux, input: { prompt: 'a cat' } };
const everybody: Principal = { tenant: '*', scope: 'admin' };
const fits = () => Promise.resolve(['a hint']);
const isDearer = () => Promise.reject(new RefusalError('PriceAboveLimit', 'it is dearer by now'));
const rows = [
  [
    'a webhook',
    'order-1',
    { ...order, webhook: { url: 'https://hooks.example', secret: 'gone' } },
    fits,
    'InvalidInput',
  ],
  ['a key', 'ACME/order-1', order, fits, 'InvalidInput'],
  ['a price', 'order-1', order, isDearer, 'PriceAboveLimit'],
] as const;

it('an order is started, and told with the hints of its check', async () => {
  const { parts, starts } = gatewayWhere(false);
  const keyed = { key: 'order-1', isNewKey: false, retry: undefined, check: fits };
  expect(await startPatiently(parts, everybody, order, keyed)).toMatchObject({ attached: false, notices: ['a hint'] });
  expect(starts).toEqual([['order-1', false]]);
});

it.each(rows)('an order that was taken is attached to, though %s of it is refused by now', async (...row) => {
  const [, key, wanted, check] = row;
  const { parts, starts } = gatewayWhere(true);
  const keyed = { key, isNewKey: false, retry: 'if-unbilled', check } as const;
  const started = await startPatiently(parts, everybody, wanted, keyed);
  expect(started.attached).toBe(true);
  expect(started.notices.at(-1)).toMatch(/^it was taken before; by now it would be refused: ./);
  expect(starts).toEqual([[key, true]]);
});

it.each(rows)('a new order is refused for %s, and nothing is started', async (...row) => {
  const [, key, wanted, check, refusal] = row;
  for (const { parts, starts } of [gatewayWhere(false), gatewayWhere(true, 'another')]) {
    const keyed = { key, isNewKey: false, retry: undefined, check };
    await expect(startPatiently(parts, everybody, wanted, keyed)).rejects.toMatchObject({ refusal });
    expect(starts).toEqual([[key, true]]);
  }
  const { parts, starts } = gatewayWhere(false);
  const madeUp = startPatiently(parts, everybody, wanted, { key, isNewKey: true, retry: undefined, check });
  await expect(madeUp).rejects.toMatchObject({ refusal });
  expect(starts).toEqual([]);
});

it('an order that was taken is attached to, though the rules of this version refuse it', async () => {
  const asked = { key: 'order-1', retry: undefined, check: fits };
  const { parts, starts } = gatewayWhere(true, 'refused by now');
  const { attached, notices } = await startPatiently(parts, everybody, order, { ...asked, isNewKey: false });
  expect([attached, notices]).toEqual([
    true,
    ['it was taken before; by now it would be refused: "order-1": InvalidInput'],
  ]);
  expect(starts).toEqual([
    ['order-1', false],
    ['order-1', true],
  ]);
  for (const isNewKey of [false, true]) {
    const started = startPatiently(gatewayWhere(false, 'refused by now').parts, everybody, order, {
      ...asked,
      isNewKey,
    });
    await expect(started).rejects.toMatchObject({ type: 'InvalidInput' });
  }
});

it.each([
  [true, { status: 422, json: { name: 'InvalidInput' } }],
  [undefined, { status: 200, headers: { 'idempotent-replayed': 'true' } }],
])(
  'a plan that the rules of this version refuse is attached to, unless it is to be run again: rerun %s',
  async (...row) => {
    const [rerun, told] = row;
    const { parts } = gatewayWhere(true, 'refused by now');
    const start = async (asked: unknown, options: { key: string }) => ({
      ...(await parts.generations.start(asked as never, options)),
      state: () => Promise.resolve({ ...succeeded, runId: 'run' }),
    });
    const url = await serve(anonymousAccess, { generations: { pipelines: { start } } });
    const body = { key: 'film-1', plan: { version: 1, steps: {} }, rerun };
    const answer = await call(url, '/api/v1/pipelines', { method: 'POST', body });
    expect(answer, answer.text).toMatchObject(told);
  },
);

it('of an order that cannot be read here nobody is told that it was not taken', async () => {
  const { parts } = gatewayWhere(true, 'unreadable');
  const keyed = { key: 'order-1', isNewKey: false, retry: undefined, check: isDearer };
  await expect(startPatiently(parts, everybody, order, keyed)).rejects.toMatchObject({ type: 'Undecodable' });
});

const url = 'https://hooks.example';
const keyed = { key: 'order-1', isNewKey: false, retry: undefined, check: fits };
const acme = { tenant: 'acme', scope: 'generate', webhook: { url, secret: 'studio' } } as const;

it.each(['acme', 'acme.night', 'studio'])(
  'a tenant has its webhooks signed with secrets of its own: %s',
  async (secret) => {
    const { parts, starts } = gatewayWhere(false);
    await startPatiently(parts, acme, { ...order, webhook: { url, secret } }, keyed);
    expect(starts).toEqual([['acme/order-1', false]]);
  },
);

it.each([
  ['of a secret that nobody knows', 'order-1', { url, secret: 'acme.gone' }, /webhook is told nothing: .*"acme\.gone"/],
  ['of a long key', 'k'.repeat(200), { url, secret: 'acme' }, /webhook is told nothing: key: has 205 characters/],
])("a request is taken over though the API key's webhook cannot be told, because %s", async (...row) => {
  const [, key, webhook, notice] = row;
  const { parts, starts, orders } = gatewayWhere(false);
  const paid = { ...order, requestId: 'r-1' };
  const { notices } = await startPatiently(parts, { ...acme, webhook }, paid, { ...keyed, key });
  expect([starts, orders]).toEqual([[[`acme/${key}`, false]], [paid]]);
  expect(notices).toEqual([expect.stringMatching(notice), 'a hint']);
});

it.each([
  ['a new order with it', order],
  ['a request whose caller names it', { ...order, requestId: 'r-1', webhook: { url, secret: 'acme.gone' } }],
])('a webhook that cannot be told refuses %s', async (_what, wanted) => {
  const { parts } = gatewayWhere(false);
  const principal = { ...acme, webhook: { url, secret: 'acme.gone' } };
  await expect(startPatiently(parts, principal, wanted, keyed)).rejects.toMatchObject({ refusal: 'InvalidInput' });
});

it("another tenant's secrets are refused in the words of what never was", async () => {
  const said = new Set<string>();
  for (const secret of ['other', 'acmes', 'other.gone', 'acme.gone']) {
    const { parts, starts } = gatewayWhere(false);
    const wanted = { ...order, webhook: { url, secret } };
    const started = startPatiently(parts, acme, wanted, keyed);
    const { refusal, message } = (await started.catch((error: unknown) => error)) as RefusalError;
    expect(refusal).toBe('InvalidInput');
    said.add(message.replace(secret, 'X'));
    expect(starts).toEqual([['acme/order-1', true]]);
  }
  expect(said.size).toBe(1);
});

it('an order of which Temporal tells nothing is to be repeated under its very key', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { parts } = gatewayWhere(false);
  const start = () => {
    vi.advanceTimersByTime(20_000);
    return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'away' }));
  };
  const away = { ...parts, generations: { start } } as unknown as GatewayParts;
  const key = 'order-4290';
  const started = startPatiently(away, everybody, order, { ...keyed, key });
  const refused = (await started.catch((error: unknown) => error)) as RefusalError;
  expect(refused).toMatchObject({
    refusal: 'TemporalUnreachable',
    headers: { 'runcomfy-temporal-key': key, 'retry-after': '2' },
  });
  const repeat = expect.stringMatching(/repeat it with Idempotency-Key: order-4290$/);
  expect(errorReply(refused)).toMatchObject({ error_code: 503001, error_message: repeat });
});

const endedAt = '2026-11-28T00:00:00.000Z';
const failedAs = (type: GenerationErrorType, pipeline?: GenerationError['pipeline']) => {
  const cause = new WorkflowFailedError('failed', undefined, 'NON_RETRYABLE_FAILURE');
  return () => Promise.reject(new GenerationError({ type, message: `it is ${type}`, cause, pipeline }));
};
const cancel = { requestedAt: endedAt, outcome: 'cancelled' } as const;
const partial = { phase: 'partial', costUsd: 0.5, startedAt: '2026-11-27T00:00:00.000Z', endedAt };
const succeeded = { phase: 'succeeded', counts: { total: 1, succeeded: 1 }, startedAt: partial.startedAt, endedAt };
const pipeline = { plan: { version: 1, steps: {} } };
const batch = { items: [{ id: 'a', ...order }] };

it.each<[noun: string, body: object, result: () => Promise<unknown>, told: object, isRepeated?: boolean]>([
  ['generations', order, failedAs('GenerationFailed'), { phase: 'in_progress', reads: 3 }],
  [
    'pipelines',
    pipeline,
    () => Promise.resolve({ ...partial, steps: { a: { phase: 'failed' } } }),
    { ...partial, steps: [{ id: 'a', phase: 'failed' }] },
  ],
  [
    'pipelines',
    pipeline,
    failedAs('PipelineCancelled', { cancel }),
    { phase: 'cancelled', cancel, failure: { type: 'PipelineCancelled' } },
  ],
  ['batches', batch, () => Promise.resolve(succeeded), succeeded],
  ['batches', batch, () => Promise.resolve(succeeded), succeeded, true],
  ['pipelines', pipeline, () => Promise.resolve(partial), partial, true],
  ['batches', batch, failedAs('GenerationTimedOut'), { phase: 'cancelled', failure: { type: 'GenerationTimedOut' } }],
  ['batches', batch, failedAs('InvalidInput'), { phase: 'failed', failure: { type: 'InvalidInput' } }],
])(
  'of %s nothing earlier is told than a wait saw before Temporal was gone',
  async (noun, body, result, told, attached = false) => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const state = () => {
      vi.advanceTimersByTime(20_000);
      return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'away' }));
    };
    async function* follow(key: string) {
      const seen = { phase: 'in_progress', model: flux, submission: 'accepted', reads: 3 };
      yield { key, runId: 'r', startedAt: endedAt, ...seen, state: seen };
      await state();
    }
    const start = (_: unknown, { key }: { key: string }) =>
      Promise.resolve({ key, runId: 'r', attached, notices: [], state, result });
    const url = await serve(anonymousAccess, {
      generations: { start, pipelines: { start }, batches: { start } },
      watchers: { generations: { follow } },
    });
    const answer = await call(url, `/api/v1/${noun}?wait=10s`, { method: 'POST', body });
    expect(answer, answer.text).toMatchObject({ status: attached ? 200 : 201, json: { runId: 'r', ...told } });
  },
);

it.each([
  ['attached to where it', 'followed', 200],
  ['refused where nothing', 'not followed', 422],
])(
  'a run again whose plan is refused by now is %s has followed the run that it names',
  async (_says, rerunOf, status) => {
    const start = (_: unknown, { key, attachOnly, ...named }: PipelineStartOptions & { key: string }) => {
      const error = (type: GenerationErrorType) => Promise.reject(new GenerationError({ type, message: type, key }));
      if (!attachOnly) return error('InvalidInput');
      if (named.rerunOf !== 'followed') return error('KeyNotFound');
      const state = () => Promise.resolve({ runId: 'r', phase: 'running', steps: [], warnings: [] });
      return Promise.resolve({ key, runId: 'r', attached: true, notices: [], state });
    };
    const url = await serve(anonymousAccess, { generations: { pipelines: { start } } });
    const body = { key: 'k', plan: { version: 1, steps: {} }, rerunOf };
    const answer = await call(url, '/api/v1/pipelines', { method: 'POST', body });
    expect(answer.status, answer.text).toBe(status);
  },
);
