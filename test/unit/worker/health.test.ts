import { type AddressInfo, createServer } from 'node:net';
import type { Client } from '@temporalio/client';
import { expect, it, onTestFinished } from 'vitest';
import { serveHealth } from '../../../worker/health.ts';

it('says that it is not ready while Temporal keeps it waiting, instead of waiting along', async () => {
  const port = await freePort();
  const worker = { run: () => Promise.resolve(), shutdown: () => undefined, isRunning: () => true };
  // A Temporal that is up and never answers.
  const client = {
    options: { namespace: 'default' },
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
    withAbortSignal: <T>(_signal: AbortSignal, call: () => Promise<T>) => call(),
    workflowService: { describeNamespace: () => new Promise(() => undefined) },
  } as unknown as Client;
  const health = await serveHealth({ host: '127.0.0.1', port }, worker, client);
  onTestFinished(() => health.close());
  const reply = await fetch(`http://127.0.0.1:${String(port)}/readyz`, { signal: AbortSignal.timeout(10_000) });
  expect(reply.status).toBe(503);
  expect(await reply.json()).toMatchObject({ status: 'not_ready', reason: expect.stringContaining('does not answer') });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
