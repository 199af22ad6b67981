import { setTimeout as sleep } from 'node:timers/promises';
import { createPatience } from './patience.ts';

/**
 * Waits until a check passes, and rethrows its last error if it never does. Unlike `expect.poll`, it also works in
 * concurrent tests.
 */
export async function eventually<Held>(check: () => Held, { everyMs = 100 } = {}): Promise<Awaited<Held>> {
  const patience = createPatience();
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (patience.isOver()) throw error;
    }
    await sleep(everyMs);
  }
}

/** Waits until `look` returns something. Unlike with `vi.waitUntil`, a look that throws is retried. */
export async function untilSeen<Seen>(look: () => Promise<Seen | undefined>): Promise<Seen> {
  return await eventually(async () => {
    const seen = await look();
    if (seen === undefined) throw new Error('what was waited for did not come');
    return seen;
  });
}
