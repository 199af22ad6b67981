import type { Client } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { createCounts } from '../../../gateway/api/counts.ts';

it('counts once at a time, however long Temporal takes, and anew once the numbers are old', async () => {
  vi.useFakeTimers();
  const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;
  const answers: (() => void)[] = [];
  const counts = createCounts(
    { client },
    () =>
      new Promise<{ byPhase: object; open: number }>((resolve) => {
        answers.push(() => {
          resolve({ byPhase: {}, open: answers.length });
        });
      }),
  );
  const ask = () => counts({ request: { principal: { tenant: '*' } }, reply: {} } as never);
  const first = ask();
  await vi.advanceTimersByTimeAsync(17_000);
  const second = ask();
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toHaveLength(1);
  answers[0]?.();
  expect(await first).toMatchObject({ open: 1 });
  expect(await second).toEqual(await first);
  await vi.advanceTimersByTimeAsync(4_000);
  await ask();
  expect(answers).toHaveLength(1);
  vi.setSystemTime(Date.now() - 3_600_000);
  await vi.advanceTimersByTimeAsync(2_000);
  const third = ask();
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toHaveLength(2);
  answers[1]?.();
  expect(await third).toMatchObject({ open: 2 });
});
