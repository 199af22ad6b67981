import { createRequire } from 'node:module';
import { afterAll, afterEach, vi } from 'vitest';

// Test files share a process, so each must clean up for the next.
afterEach(() => {
  vi.useRealTimers();
});
afterAll(() => {
  vi.unstubAllEnvs();
});
interface UndiciTimers {
  setFastTimeout: (act: () => void, ms: number) => object;
  clearFastTimeout: (timer: object) => void;
}

// undici has one clock per process. It would stand still for ever if a file started it while time is mocked, so it is
// started here.
const timers = createRequire(import.meta.url)('undici/lib/util/timers.js') as UndiciTimers;
timers.clearFastTimeout(timers.setFastTimeout(() => undefined, 1_000));
