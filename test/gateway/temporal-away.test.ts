import path from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack, untilOver } from '../support/gateway-stack.ts';
import { temporaryFolder } from '../support/processes.ts';
import { startOwnServer } from '../support/server.ts';
import { flux } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const stack = gatewayStack();

it('starts without Temporal, and says so where it cannot answer', async () => {
  const { url } = await stack.serve({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  const body = { model: flux, input: { prompt: 'x' }, key: 'named' };
  const [ready, alive, read, order, own] = await Promise.all([
    call(url, '/readyz'),
    call(url, '/healthz'),
    call(url, '/v1/requests/unknown/result'),
    call(url, `/v1/models/${flux}`, { method: 'POST', body: { prompt: 'x' } }),
    call(url, '/api/v1/generations', { method: 'POST', body }),
  ]);
  expect(ready).toMatchObject({ status: 503, json: { ready: false, reason: 'temporal' } });
  expect(alive.status).toBe(200);
  expect(read).toMatchObject({ status: 503, json: { error_code: 503001 }, headers: { 'retry-after': '2' } });
  expect(order).toMatchObject({ status: 503, json: { error_code: 503001 } });
  const key = String(order.headers['runcomfy-temporal-key']);
  expect(order.json['error_message']).toContain(`Idempotency-Key: ${key}`);
  const detail = expect.stringContaining('Idempotency-Key: named');
  expect(own).toMatchObject({ status: 503, json: { name: 'TemporalUnreachable', detail } });
  expect(stack.simulator().ledger().jobs).toEqual([]);
});

it('bridges an absence of Temporal, of workers and of RunComfy: reads say what is known, orders wait, nobody sees an error', async () => {
  const dbFile = path.join(await temporaryFolder(), 'temporal.db');
  const before = await startOwnServer({ dbFile });
  const { url } = await stack.serve({ TEMPORAL_ADDRESS: before.address });
  const order = (key: string) =>
    call(url, `/v1/models/${flux}`, { method: 'POST', headers: { 'idempotency-key': key }, body: { prompt: key } });
  expect(await order('known')).toMatchObject({ status: 200 });
  const read = () => call(url, '/v1/requests/known/status');
  let seen = await read();
  // Neither asks for longer than a second or three, which a server that was just started may need.
  await eventually(async () => {
    expect(await call(url, '/readyz')).toMatchObject({ status: 200, json: { ready: true } });
    seen = await read();
    expect(seen).toMatchObject({ status: 200, json: { status: 'in_queue' } });
    expect(seen.headers['age']).toBeUndefined();
  });

  // One client polls throughout, and fails at the first answer that is none.
  const over = untilOver(url, 'known');
  over.catch(() => undefined);

  await before.kill9();
  // What was read within the last second is told as it is.
  await eventually(async () => {
    const bridged = await read();
    expect(bridged).toMatchObject({ status: 200, text: seen.text });
    expect(Number(bridged.headers['age'])).toBeGreaterThan(0);
  });
  const [late, unknown] = [order('late'), call(url, '/v1/requests/unknown/status')];
  const after = await startOwnServer({ dbFile, port: Number(before.address.split(':')[1]) });
  onTestFinished(() => after.stop());

  // A machine that is slow to start the server again may use the patience up: then the order is repeated, as the answer says.
  const answered = await late;
  if (answered.status !== 200)
    expect(answered).toMatchObject({ status: 503, headers: { 'runcomfy-temporal-key': 'late' } });
  await eventually(async () => {
    expect(await order('late')).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    expect(await call(url, '/readyz')).toMatchObject({ status: 200 });
  });
  expect([404, 503]).toContain((await unknown).status);
  await eventually(async () => {
    const fresh = await read();
    expect([fresh.status, fresh.headers['age']]).toEqual([200, undefined]);
  });

  const simulator = stack.simulator();
  const jobs = () => simulator.ledger().jobs.filter(({ input }) => input['prompt'] === 'known');
  simulator.hold();
  const stopFirst = await stack.startWorker(after.address);
  await eventually(() => expect(jobs()).toHaveLength(1));
  await stopFirst();
  simulator.setFaults([{ fault: 'unavailable-json', step: 'status' }]);
  simulator.release();
  onTestFinished(await stack.startWorker(after.address));
  await eventually(() => expect(simulator.faults()[0]?.fired).toBeGreaterThan(1));
  simulator.setFaults([]);
  expect((await over).result.json).toMatchObject({ status: 'succeeded' });
  expect(jobs().map(({ chargedUsd }) => chargedUsd > 0)).toEqual([true]);
});
