import { vi } from 'vitest';
import { hangMs } from './patience.ts';

/** Waits until a check holds, and fails as it failed last; unlike `expect.poll` also where tests run beside each other. */
export async function eventually(check: () => unknown): Promise<void> {
  await vi.waitFor(check, { timeout: hangMs, interval: 100 });
}

/** Waits until a look shows something; one that fails is followed by the next, unlike with `vi.waitUntil`. */
export async function untilSeen<Seen>(look: () => Promise<Seen | undefined>): Promise<Seen> {
  const check = async () => {
    const seen = await look();
    if (seen === undefined) throw new Error('what was waited for did not come');
    return seen;
  };
  return await vi.waitFor(check, { timeout: hangMs, interval: 100 });
}
