import { expect, it } from 'vitest';
import { judgeStandstill } from '../../../cli/standstill.ts';

it('leaves at the second look in a row with the same reason', () => {
  const judge = judgeStandstill();
  expect([judge('NoWorker', 3_000), judge('WorkerFailing', 6_000), judge('unknown', 9_000)]).not.toContain(true);
  expect([judge('NoWorker', 12_000), judge('NoWorker', 15_000)]).toEqual([false, true]);
});

it('gives a worker that was there a minute to return, and one that fails on its tasks none', () => {
  const judge = judgeStandstill();
  const looks = [undefined, 'NoWorker', 'unknown', 'NoWorker', 'NoWorker'] as const;
  expect(looks.map((why, at) => judge(why, at * 3_000))).not.toContain(true);
  expect(judge('NoWorker', 62_999)).toBe(false);
  expect(judge('NoWorker', 63_000)).toBe(true);
  const failing = judgeStandstill();
  const fails = [undefined, 'WorkerFailing', 'WorkerFailing'] as const;
  expect(fails.map((why, at) => failing(why, at))).toEqual([false, false, true]);
});

it('counts the minute from the first look without a worker, however long ago the last with one was', () => {
  const judge = judgeStandstill();
  expect(judge(undefined, 0)).toBe(false);
  expect([judge('NoWorker', 59_000), judge('NoWorker', 62_000), judge('unknown', 65_000)]).not.toContain(true);
  expect([judge('NoWorker', 116_000), judge('NoWorker', 118_999), judge('NoWorker', 119_000)]).toEqual([
    false,
    false,
    true,
  ]);
});
