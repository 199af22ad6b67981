import { setTimeout as sleep } from 'node:timers/promises';
import { createPatience } from './patience.ts';

/** Waits until a check holds, and fails as it failed last; unlike `expect.poll` also where tests run beside each other. */
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

/** Waits until a look shows something; one that fails is followed by the next, unlike with `vi.waitUntil`. */
export async function untilSeen<Seen>(look: () => Promise<Seen | undefined>): Promise<Seen> {
  return await eventually(async () => {
    const seen = await look();
    if (seen === undefined) throw new Error('what was waited for did not come');
    return seen;
  });
}
