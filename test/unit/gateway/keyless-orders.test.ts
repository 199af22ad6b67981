import { EventEmitter } from 'node:events';
import { connect } from 'node:net';
import type { FastifyReply } from 'fastify';
import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createKeylessOrders } from '../../../gateway/runcomfy-api/keyless-orders.ts';
import { eventually } from '../../support/eventually.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const order = { principal: { tenant: 'acme', scope: 'generate' }, model: 'a/b', input: { prompt: 'x' } } as const;

/** Orders of one gateway that are on their way until they are answered, or lost. */
function orders() {
  const { keyFor } = createKeylessOrders();
  return () => {
    const raw = Object.assign(new EventEmitter(), { statusCode: 200, writableFinished: false });
    const { key } = keyFor({ raw } as unknown as FastifyReply, order);
    const answer = (statusCode: number) => Object.assign(raw, { statusCode, writableFinished: true }).emit('close');
    return { key, answer, lose: () => raw.emit('close') };
  };
}

it('gives an order whose answer was lost its key again, until one reaches its client', () => {
  const send = orders();
  const first = send();
  first.lose();
  const again = send();
  expect(again.key).toBe(first.key);
  again.answer(200);
  expect(send().key).not.toBe(first.key);
});

it.each(['closed', 'destroyed'])('gives an order its key again whose client had left before: %s', (left) => {
  const { keyFor } = createKeylessOrders();
  const sent = (more: object) => {
    const raw = Object.assign(new EventEmitter(), { statusCode: 200, writableFinished: false, ...more });
    return keyFor({ raw } as unknown as FastifyReply, order).key;
  };
  expect(sent({ [left]: true })).toBe(sent({}));
});

it('forgets no lost order for an equal one that was answered, and none for another that was lost', () => {
  const send = orders();
  const [first, second, third] = [send(), send(), send()];
  first.lose();
  second.lose();
  third.answer(200);
  const again = send();
  again.answer(200);
  const last = send();
  expect(new Set([again.key, last.key])).toEqual(new Set([first.key, second.key]));
  last.answer(200);
  expect([first.key, second.key, third.key]).not.toContain(send().key);
});

it('keeps the key of an order that was answered unclearly, and of none that was refused', () => {
  const send = orders();
  const unclear = send();
  unclear.answer(503);
  const again = send();
  expect(again.key).toBe(unclear.key);
  again.answer(402);
  expect(send().key).not.toBe(unclear.key);
});

it('makes up no key in which a client would read a status', () => {
  const send = orders();
  const keys = Array.from({ length: 1_000 }, () => send().key);
  expect(keys.filter((key) => /401|429/.test(key))).toEqual([]);
});

it('makes an order whose answer told nothing anew where it cost nothing', async () => {
  const started: { key: string; retry?: string }[] = [];
  const start = (_: unknown, { key, retry }: { key: string; retry?: string }) => {
    started.push({ key, ...(retry !== undefined && { retry }) });
    if (started.length === 1) return Promise.reject(new Error('odd'));
    return Promise.resolve({ key, runId: 'r', attached: false, notices: [] });
  };
  const url = await serve(anonymousAccess, { generations: { start } });
  const send = (headers = {}) => call(url, `/v1/models/${flux}`, { method: 'POST', headers, body: { prompt: 'x' } });
  expect((await send()).status).toBe(500);
  expect((await send()).status).toBe(200);
  expect(started[1]).toEqual({ key: started[0]?.key, retry: 'if-unbilled' });
  await send({ 'idempotency-key': 'mine' });
  expect(started[2]).toEqual({ key: 'mine' });
});

it('gives an order its key again that was answered in line behind another call, whose client then left', async () => {
  const keys: string[] = [];
  const start = (_: unknown, { key }: { key: string }) => {
    keys.push(key);
    return Promise.resolve({ key, runId: 'r', attached: false, notices: [] });
  };
  const slow = () => new Promise(() => undefined);
  const url = await serve(anonymousAccess, { generations: { start, get: slow } });
  const body = JSON.stringify({ prompt: 'x' });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const [host, json] = ['host: 127.0.0.1', `content-type: application/json\r\ncontent-length: ${String(body.length)}`];
  socket.write(`POST /v1/requests/k/cancel HTTP/1.1\r\n${host}\r\ncontent-length: 0\r\n\r\n`);
  socket.write(`POST /v1/models/${flux} HTTP/1.1\r\n${host}\r\n${json}\r\n\r\n${body}`);
  await eventually(() => {
    expect(keys).toHaveLength(1);
  });
  socket.destroy();
  await eventually(async () => {
    await call(url, `/v1/models/${flux}`, { method: 'POST', body: { prompt: 'x' } });
    expect(keys.filter((key) => key === keys[0]).length).toBeGreaterThan(1);
  });
});
