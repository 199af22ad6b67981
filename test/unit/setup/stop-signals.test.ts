import { expect, it } from 'vitest';
import { onStopAsked, stopAsked } from '../../../setup/stop-signals.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listeners = () => signals.map((signal) => process.listenerCount(signal));

it.each(signals)('hears the first signal, %s, and leaves the process to any second', async (signal) => {
  const before = listeners();
  const asked = stopAsked();
  expect(listeners()).toEqual(before.map((count) => count + 1));
  process.emit(signal);
  await asked;
  // Whom nobody listens for ends a process.
  expect(listeners()).toEqual(before);
});

it('listens no longer than it is told to', () => {
  const before = listeners();
  let asked = 0;
  const forget = onStopAsked(() => (asked += 1));
  forget();
  expect([listeners(), asked]).toEqual([before, 0]);
});
