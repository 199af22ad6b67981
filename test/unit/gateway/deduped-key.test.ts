import { beforeEach, expect, it, vi } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { workflowIdOf } from '../../../gateway/access/principal.ts';
import { createDedupedKeys } from '../../../gateway/generations/deduped-key.ts';
import type { SeenGeneration } from '../../../gateway/generations/read-generations.ts';

const windowMs = 600_000;
const windowEndsAt = windowMs * 3_000_000;
const order = (prompt: string) => ({
  principal: { tenant: 'acme', scope: 'generate' } as const,
  model: 'a/b',
  input: { prompt },
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: windowEndsAt - 1 });
});

const notFound = (key: string) => new GenerationError({ type: 'KeyNotFound', message: 'there is none', key });
const nothingStarted = { read: (key: string) => Promise.reject(notFound(key)) };

it('gives the key of an order that is on its way as its window ends to whoever repeats it in the next', async () => {
  const keys = createDedupedKeys(nothingStarted);
  const first = await keys.keyFor(order('x'), windowMs);
  vi.setSystemTime(windowEndsAt + 1);
  expect(await keys.keyFor(order('x'), windowMs)).toBe(first);
  expect(await keys.keyFor(order('y'), windowMs)).not.toBe(first);
});

it('gives orders that come at once the key of the one before that stands, whatever was read for which', async () => {
  const started: SeenGeneration[] = [];
  const keys = createDedupedKeys({
    read: (key) => (started[0] ? Promise.resolve({ ...started[0], key }) : Promise.reject(notFound(key))),
  });
  const first = await createDedupedKeys(nothingStarted).keyFor(order('x'), windowMs);
  const startedAt = new Date(windowEndsAt - 1).toISOString();
  started.push({ key: '', runId: 'r', model: 'a/b', phase: 'submitting', startedAt });
  vi.setSystemTime(windowEndsAt + 1);
  const both = await Promise.all([keys.keyFor(order('x'), windowMs), keys.keyFor(order('x'), windowMs)]);
  expect(both).toEqual([first, first]);
  vi.setSystemTime(windowEndsAt + windowMs);
  expect(await keys.keyFor(order('x'), windowMs)).not.toBe(first);
});

it.each([
  ['finds an order that a gateway whose clock is ahead began in the next window', -5_000, true],
  ['asks for none of the next window where no clock can have come to it', -120_000, false],
])('%s', async (_what, behindMs, isFound) => {
  vi.setSystemTime(windowEndsAt + 1);
  const first = await createDedupedKeys(nothingStarted).keyFor(order('x'), windowMs);
  const startedAt = new Date().toISOString();
  const started: SeenGeneration = { key: '', runId: 'r', model: 'a/b', phase: 'submitting', startedAt };
  const workflowId = workflowIdOf(order('x').principal, first);
  vi.setSystemTime(windowEndsAt + behindMs);
  const keys = createDedupedKeys({
    read: (key) => (key === workflowId ? Promise.resolve(started) : Promise.reject(notFound(key))),
  });
  expect((await keys.keyFor(order('x'), windowMs)) === first).toBe(isFound);
});

it.each([
  ['the next window, where its clock is ahead', -10_000, 1, -5_000],
  ['the next window, which has begun here too since', -10_000, 1, 15_000],
  ['the window before, where its clock is behind', 1_000, -1, 15_000],
])('gives no key of an order that never began where another gateway began it in %s', async (...row) => {
  const [, refusedAt, foreignAt, repeatedAt] = row;
  vi.setSystemTime(windowEndsAt + foreignAt);
  const foreign = await createDedupedKeys(nothingStarted).keyFor(order('x'), windowMs);
  const workflowId = workflowIdOf(order('x').principal, foreign);
  const started: SeenGeneration[] = [];
  const keys = createDedupedKeys({
    read: (key) => (started[0] && key === workflowId ? Promise.resolve(started[0]) : Promise.reject(notFound(key))),
  });
  vi.setSystemTime(windowEndsAt + refusedAt);
  expect(await keys.keyFor(order('x'), windowMs)).not.toBe(foreign);
  const startedAt = new Date().toISOString();
  started.push({ key: '', runId: 'r', model: 'a/b', phase: 'submitting', startedAt });
  vi.setSystemTime(windowEndsAt + repeatedAt);
  expect(await keys.keyFor(order('x'), windowMs)).toBe(foreign);
  expect(await keys.keyFor(order('x'), windowMs)).toBe(foreign);
});

it('remembers nothing of a read that failed', async () => {
  let isAway = true;
  const away = new GenerationError({ type: 'TemporalUnreachable', message: 'away' });
  const keys = createDedupedKeys({ read: (key) => Promise.reject(isAway ? away : notFound(key)) });
  await expect(keys.keyFor(order('x'), windowMs)).rejects.toBe(away);
  isAway = false;
  expect(await keys.keyFor(order('x'), windowMs)).toBe(
    await createDedupedKeys(nothingStarted).keyFor(order('x'), windowMs),
  );
});
