import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { WorkflowNotFoundError } from '@temporalio/client';
import { Agent, type Dispatcher } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { orderUntilTaken, serveCuttingProxy } from '../support/blind-clients.ts';
import { call, type GatewayAnswer, gatewayStack, untilOver } from '../support/gateway-stack.ts';
import { freePort, until } from '../support/processes.ts';
import { kling, klingInput } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const keyCount = 20;
const postsPerKey = 10;
const kills = 5;

const stack = gatewayStack({ profiles: { '*': { queueMs: 0, runMs: 50 } } });
let dispatcher: Dispatcher;

beforeAll(() => {
  dispatcher = new Agent({ connections: 20 });
});
afterAll(() => dispatcher.close());

/** Every key once at RunComfy, and over. */
async function expectOneEach(base: string, keys: string[]): Promise<void> {
  const ends = await Promise.all(keys.map((key) => untilOver(base, key)));
  expect(ends.map(({ result }) => result.json['status'])).toEqual(keys.map(() => 'succeeded'));
  const jobs = stack
    .simulator()
    .ledger()
    .jobs.filter(({ input }) => keys.includes(String(input['prompt'])));
  expect(jobs.map(({ input }) => input['prompt']).sort()).toEqual([...keys].sort());
  expect(jobs.filter(({ chargedUsd }) => chargedUsd > 0)).toHaveLength(keys.length);
}

describe('one bill for one key', () => {
  it(`is kept by ${String(keyCount)} keys, each posted ${String(postsPerKey)} times, while the gateway is killed ${String(kills)} times`, async () => {
    // Nobody else is given it while the gateway is away.
    const started = await startProcess(String(await freePort()));
    const { base } = started;
    let running = started.child;
    let answered = 0;
    const keys = Array.from({ length: keyCount }, (_, at) => `killed-${String(at)}`);
    const clients = keys.map(async (key) => {
      for (let post = 0; post < postsPerKey; post += 1) {
        expect(await orderUntilTaken(base, key, dispatcher)).toBe(key);
        answered += 1;
      }
    });
    const total = keyCount * postsPerKey;
    for (let kill = 1; kill <= kills; kill += 1) {
      const due = Math.floor((total * kill) / (kills + 2));
      await until(`${String(due)} posts are answered`, () => answered >= due);
      running.kill('SIGKILL');
      await once(running, 'exit');
      running = (await startProcess(new URL(base).port)).child;
    }
    await Promise.all(clients);
    await expectOneEach(base, keys);
    running.kill('SIGTERM');
    expect((await once(running, 'exit'))[0]).toBe(0);
  });

  it('is kept through a proxy that cuts one reply in five', async () => {
    const proxy = await serveCuttingProxy(stack.url());
    onTestFinished(proxy.close);
    const keys = Array.from({ length: keyCount }, (_, at) => `cut-${String(at)}`);
    await Promise.all(
      keys.map(async (key) => {
        for (let post = 0; post < 3; post += 1) expect(await orderUntilTaken(proxy.url, key, dispatcher)).toBe(key);
      }),
    );
    expect(proxy.cuts()).toBeGreaterThanOrEqual(Math.floor((keyCount * 3) / 5));
    await expectOneEach(stack.url(), keys);
  });

  it('is kept where a client without a key lost the answer and orders again', async () => {
    const model = 'openai/gpt-image-2/text-to-image';
    const target = `${stack.url()}/v1/models/${model}`;
    const body = JSON.stringify({ prompt: 'a lost answer' });
    const jobs = () =>
      stack
        .simulator()
        .ledger()
        .jobs.filter((job) => job.model === model);
    // The order waits for the catalogue, so that its client is gone before it is answered.
    stack.simulator().setFaults([{ fault: 'delay', step: 'catalogue', model, untilReleased: true, times: 1 }]);
    const controller = new AbortController();
    const headers = { 'content-type': 'application/json' };
    const lost = fetch(target, { method: 'POST', headers, body, signal: controller.signal }).catch(() => 'gone');
    await until('the order waits', () => stack.simulator().faults()[0]?.fired === 1);
    controller.abort();
    expect(await lost).toBe('gone');
    stack.simulator().release();
    await until('the order is made all the same', () => jobs().length === 1);
    // A gateway in the place of one that was killed knows nothing of it: as with RunComfy itself, it is another order.
    const successor = await stack.serve();
    const unknown = await call(successor.url, `/v1/models/${model}`, { method: 'POST', headers, body });
    expect(unknown.status, unknown.text).toBe(200);
    expect(unknown.headers['idempotent-replayed']).toBeUndefined();
    await untilOver(successor.url, String(unknown.json['request_id']));
    expect(jobs()).toHaveLength(2);
    const again = await call(stack.url(), `/v1/models/${model}`, { method: 'POST', headers, body });
    expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    expect(again.json['request_id']).not.toBe(unknown.json['request_id']);
    await untilOver(stack.url(), String(again.json['request_id']));
    expect(jobs()).toHaveLength(2);
    const third = await call(stack.url(), `/v1/models/${model}`, { method: 'POST', headers, body });
    expect(third.headers['idempotent-replayed']).toBeUndefined();
  });
});

describe('a gateway that is asked to stop under load', () => {
  it('ends with 0 within 30 s; every order was answered, or never began', async () => {
    const { child, base } = await startProcess();
    const answers = new Map<string, number | 'none'>();
    const clients = Array.from({ length: 20 }, async (_, lane) => {
      for (let order = 0; ; order += 1) {
        const key = `stopped-${String(lane)}-${String(order)}`;
        const headers = { 'idempotency-key': key };
        const input = { ...klingInput, prompt: key };
        const sent = call(base, `/v1/models/${kling}`, { method: 'POST', headers, body: input });
        const status = await sent.then(statusOf).catch(() => 'none' as const);
        answers.set(key, status);
        if (status === 'none') return;
      }
    });
    await until('every client has a further order on its way', () => answers.size >= 40);
    const askedAt = Date.now();
    child.kill('SIGTERM');
    const [code] = (await once(child, 'exit')) as [number | null];
    expect(code).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(30_000);
    await Promise.all(clients);
    const began = await Promise.all([...answers.keys()].map(hasBegun));
    const told = [...answers.values()].map((status) => status === 200);
    // A call that comes on an open connection after the drain is refused as such (503003).
    const others = [...new Set(answers.values())].filter((status) => status !== 200 && status !== 503);
    expect(others).toEqual(['none']);
    expect(told).toContain(true);
    expect(began).toEqual(told);
  });
});

/** What is refused while a gateway stops says so by its code. */
function statusOf({ status, json }: GatewayAnswer): number {
  return status === 503 && json['error_code'] !== 503_003 ? NaN : status;
}

async function hasBegun(key: string): Promise<boolean> {
  return stack
    .client()
    .workflow.getHandle(key)
    .describe()
    .then(
      () => true,
      (error: unknown) => {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      },
    );
}

/** On a port that the system gives unless told which. */
async function startProcess(port = '0'): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [inject('programPath'), 'gateway', '--port', port], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], ...stack.environment() },
  });
  onTestFinished(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the gateway ended with ${String(code)} before it served`);
  });
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  const printed = JSON.parse(line.toString()) as { url: string };
  const base = printed.url;
  expect(base).toMatch(port === '0' ? /^http:\/\/127\.0\.0\.1:\d+$/ : `http://127.0.0.1:${port}`);
  expect(printed).toEqual({
    url: base,
    modelApiBase: `${base}/v1`,
    serverlessApiBase: `${base}/prod/v2`,
    api: `${base}/api/v1`,
    page: `${base}/`,
    mcp: `${base}/mcp`,
  });
  return { child, base };
}
