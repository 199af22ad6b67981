import { expect, it, onTestFinished, vi } from 'vitest';
import { onStopAsked, stopAsked } from '../../../setup/stop-signals.ts';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const listeners = () => signals.map((signal) => process.listenerCount(signal));

it.each([
  ['SIGINT', 'SIGTERM', 143],
  ['SIGTERM', 'SIGINT', 130],
  ['SIGHUP', 'SIGHUP', 129],
] as const)('stops at the first signal, %s, and ends the process at a second, %s, with %d', (first, second, code) => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  let asked = 0;
  const forget = onStopAsked(() => (asked += 1));
  onTestFinished(forget);
  process.emit(first, first);
  // npm sends once more what the terminal has sent.
  process.emit(second, second);
  expect([asked, exit.mock.calls]).toEqual([1, []]);
  vi.advanceTimersByTime(500);
  process.emit(second, second);
  expect([asked, exit.mock.calls]).toEqual([1, [[code]]]);
  exit.mockRestore();
});

it('settles at the first signal, and is heard no longer than it is told to', async () => {
  const before = listeners();
  const forget = onStopAsked(() => undefined);
  expect(listeners()).toEqual(before.map((count) => count + 1));
  forget();
  expect(listeners()).toEqual(before);
  const others = signals.map((signal) => process.listeners(signal));
  const asked = stopAsked();
  process.emit('SIGTERM', 'SIGTERM');
  await asked;
  for (const [at, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!others[at]?.includes(listener)) process.off(signal, listener);
    }
  }
});
