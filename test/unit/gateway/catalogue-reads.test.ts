import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { createCatalogueReads } from '../../../gateway/catalogue/catalogue-reads.ts';

const catalogue = { freshMs: 0, mayBeOld: true };
const balance = { freshMs: 0, mayBeOld: false };
const away = () => Promise.reject(new Error('away'));

it('tells the last good catalogue, with its age, while RunComfy is away, and no wallet', async () => {
  const read = createCatalogueReads();
  for (const freshness of [catalogue, balance])
    await read(JSON.stringify(freshness), freshness, () => Promise.resolve('{}'));
  expect(await read(JSON.stringify(catalogue), catalogue, away)).toEqual({ text: '{}', ageS: expect.any(Number) });
  await expect(read(JSON.stringify(balance), balance, away)).rejects.toMatchObject({ refusal: 'CatalogueUnavailable' });
  await expect(read('never asked', catalogue, away)).rejects.toMatchObject({ refusal: 'CatalogueUnavailable' });
});

it('tells the last good catalogue, and no wallet, once the time is up in which RunComfy is awaited', async () => {
  const read = createCatalogueReads();
  const hangs = () => new Promise<never>(() => undefined);
  for (const freshness of [catalogue, balance])
    await read(JSON.stringify(freshness), freshness, () => Promise.resolve('{}'), 1_000);
  const last = { text: '{}', ageS: expect.any(Number) as number };
  expect(await read(JSON.stringify(catalogue), catalogue, hangs, 20)).toEqual(last);
  for (const question of [JSON.stringify(balance), 'never asked']) {
    const freshness = question === 'never asked' ? catalogue : balance;
    await expect(read(question, freshness, hangs, 20)).rejects.toMatchObject({ refusal: 'CatalogueUnavailable' });
  }
});

it('tells what RunComfy refuses in its words, and nothing older', async () => {
  const read = createCatalogueReads();
  await read('a', catalogue, () => Promise.resolve('{}'));
  const refused = () =>
    Promise.reject(Object.assign(new Error('no'), { httpStatus: 422, vendorMessage: 'no such limit' }));
  await expect(read('a', catalogue, refused)).rejects.toMatchObject({
    refusal: 'InvalidInput',
    message: expect.stringContaining('no such limit'),
  });
});

it('asks once for all who ask the same at a time, and not again while the answer is fresh', async () => {
  const read = createCatalogueReads();
  let asked = 0;
  const ask = async () => {
    asked += 1;
    await sleep(10);
    return String(asked);
  };
  const fresh = { freshMs: 60_000, mayBeOld: true };
  expect(await Promise.all([1, 2, 3].map(() => read('a', fresh, ask)))).toEqual(Array(3).fill({ text: '1' }));
  expect(await read('a', fresh, ask)).toEqual({ text: '1' });
  expect(await read('b', fresh, ask)).toEqual({ text: '2' });
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.now() - 3_600_000 });
  const aged = () => read('c', fresh, () => Promise.resolve(String((asked += 1))));
  expect(await aged()).toEqual({ text: '3' });
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(60_000);
  expect(await aged()).toEqual({ text: '4' });
});

it('does not keep that there is no such model', async () => {
  const read = createCatalogueReads();
  const fresh = { freshMs: 60_000, mayBeOld: true };
  expect(await read('a', fresh, () => Promise.resolve(undefined))).toBeUndefined();
  expect(await read('a', fresh, () => Promise.resolve('{}'))).toEqual({ text: '{}' });
});

it.each([
  ['long', 5_000, 16_000],
  ['short', 10_001, 5],
])('keeps no more answers than there is room for, however short they are: to %s questions', async (...row) => {
  const [, count, length] = row;
  const read = createCatalogueReads();
  const question = (at: number) => String(at).padStart(length, '?');
  for (let at = 0; at < count; at += 1) await read(question(at), catalogue, () => Promise.resolve(''));
  await expect(read(question(0), catalogue, away)).rejects.toMatchObject({ refusal: 'CatalogueUnavailable' });
  expect(await read(question(count - 1), catalogue, away)).toMatchObject({ text: '' });
});
