import { vi } from 'vitest';
import { hangMs } from './patience.ts';

/** Waits until a check holds, and fails as it failed last; unlike `expect.poll` also where tests run beside each other. */
export async function eventually(check: () => unknown): Promise<void> {
  await vi.waitFor(check, { timeout: hangMs, interval: 100 });
}
