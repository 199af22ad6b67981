import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { watchReadiness } from '../../../gateway/watch-readiness.ts';

it('a gateway is ready for ten seconds after it could read Temporal last, and says so while Temporal keeps it waiting', async () => {
  let answer: Promise<object> = new Promise(() => undefined);
  // A call that goes on whatever its deadline and its signal, as one does whose connection does not come about.
  const client = {
    options: { namespace: 'default' },
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    workflowService: { describeNamespace: () => answer },
  } as unknown as Client;
  let now = 0;
  const readiness = watchReadiness(client, () => now);
  const notReady = { ready: false, reason: 'temporal' };
  expect(await readiness()).toEqual(notReady);
  answer = Promise.resolve({});
  expect(await readiness()).toEqual({ ready: true });
  answer = new Promise(() => undefined);
  now = 9_999;
  expect(await readiness()).toEqual({ ready: true });
  answer = Promise.reject(new Error('away'));
  now = 10_000;
  expect(await readiness()).toEqual(notReady);
});
