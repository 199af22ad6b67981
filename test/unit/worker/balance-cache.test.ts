import { describe, expect, it, vi } from 'vitest';
import { createBalanceCache } from '../../../worker/balance-cache.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the balance that a submit takes along', () => {
  it('is read in the background, so that no submit waits for it', async () => {
    const recent = createBalanceCache(() => Promise.resolve({ microdollars: 7 }));
    expect(recent()).toBeUndefined();
    await settled();
    expect(recent()).toEqual({ microdollars: 7, readAt: expect.any(String) });
  });

  it('is never older than a minute, and is not read for every submit', async () => {
    let reads = 0;
    const recent = createBalanceCache(() => ((reads += 1), Promise.resolve({ microdollars: reads })));
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    recent();
    await settled();
    for (let submit = 0; submit < 100; submit += 1) recent();
    expect(reads).toBe(1);
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(61_000);
    expect(recent()).toBeUndefined();
    await settled();
    expect(recent()?.microdollars).toBe(2);
  });

  it('is missing, and nothing fails, while it cannot be read', async () => {
    const recent = createBalanceCache(() => Promise.reject(new Error('no balance')));
    recent();
    await settled();
    expect(recent()).toBeUndefined();
  });
});
