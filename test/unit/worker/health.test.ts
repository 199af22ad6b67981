import type { Client } from '@temporalio/client';
import { expect, it, onTestFinished } from 'vitest';
import type { RunComfyClient } from '../../../runcomfy/client.ts';
import { RunComfyError } from '../../../runcomfy/errors.ts';
import { serveHealth } from '../../../worker/health.ts';
import { watchToken } from '../../../worker/watch-token.ts';
import { hangMs } from '../../support/patience.ts';
import { freePort } from '../../support/processes.ts';

it('says that it is not ready while Temporal keeps it waiting, instead of waiting along', async () => {
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
  const reply = await fetch(`http://127.0.0.1:${String(port)}/readyz`, { signal: AbortSignal.timeout(hangMs) });
  expect(reply.status).toBe(503);
  expect(await reply.json()).toMatchObject({ status: 'not_ready', reason: expect.stringContaining('does not answer') });
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
