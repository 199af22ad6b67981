import type { Client } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { RunComfyClient } from '../../../runcomfy/client.ts';
import { RunComfyError } from '../../../runcomfy/errors.ts';
import { serveHealth } from '../../../worker/health.ts';
import { watchToken } from '../../../worker/watch-token.ts';
import { freePort, until } from '../../support/processes.ts';

it('says within a second that it is not ready while Temporal keeps it waiting, instead of waiting along', async () => {
  const port = await freePort();
  const worker = {
    run: () => Promise.resolve(),
    shutdown: () => undefined,
    isRunning: () => true,
    isTokenRefused: () => false,
  };
  // A Temporal that is up and never answers.
  const client = {
    options: { namespace: 'default' },
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    workflowService: new Proxy({}, { get: () => () => new Promise(() => undefined) }),
  } as unknown as Client;
  const health = await serveHealth({ host: '127.0.0.1', port }, worker, client, 'runcomfy');
  onTestFinished(() => health.close());
  // What it waits for passes when the test says so, however slow the machine is.
  const waits: { ms: number; pass: () => void }[] = [];
  const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
    const controller = new AbortController();
    const pass = () => {
      controller.abort();
    };
    waits.push({ ms, pass });
    return controller.signal;
  });
  onTestFinished(() => {
    timeout.mockRestore();
  });
  const asked = fetch(`http://127.0.0.1:${String(port)}/readyz`);
  await until('all that it asks is under way at once', () => (waits.length === 2 ? waits : undefined));
  expect(Math.max(...waits.map(({ ms }) => ms))).toBeLessThan(1_000);
  for (const { pass } of waits) pass();
  const reply = await asked;
  expect(reply.status).toBe(503);
  expect(await reply.json()).toMatchObject({ status: 'not_ready', reason: expect.stringContaining('does not answer') });
  expect(waits).toHaveLength(2);
});

it('is ready again once RunComfy takes the token again, and asks it nothing for that', async () => {
  let isValid = false;
  let calls = 0;
  const balance = () => {
    calls += 1;
    if (isValid) return Promise.resolve({ usd: 1, microdollars: 1_000_000 });
    return Promise.reject(new RunComfyError('Unauthenticated', 'refused', { httpStatus: 401 }));
  };
  const { runcomfy, isRefused } = watchToken({ balance } as unknown as RunComfyClient);
  const worker = {
    run: () => Promise.resolve(),
    shutdown: () => undefined,
    isRunning: () => true,
    isTokenRefused: isRefused,
  };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    workflowService: { describeNamespace: () => Promise.resolve({}) },
  } as unknown as Client;
  const port = await freePort();
  const health = await serveHealth({ host: '127.0.0.1', port }, worker, client, 'runcomfy');
  onTestFinished(() => health.close());
  const ready = async () => {
    const reply = await fetch(`http://127.0.0.1:${String(port)}/readyz`);
    return [reply.status, await reply.text()];
  };
  expect(await ready()).toEqual([200, expect.any(String)]);
  await runcomfy.balance().catch(() => undefined);
  expect(await ready()).toEqual([503, expect.stringContaining('refuses the token')]);
  isValid = true;
  await runcomfy.balance();
  expect(await ready()).toEqual([200, expect.any(String)]);
  expect(calls).toBe(2);
});
