import { createRequire } from 'node:module';
import { afterAll, afterEach, vi } from 'vitest';

// Files share a process: what one leaves behind is there for the next.
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

// undici has one clock a process, which for ever stands still where a file has begun it on stopped time.
const timers = createRequire(import.meta.url)('undici/lib/util/timers.js') as UndiciTimers;
timers.clearFastTimeout(timers.setFastTimeout(() => undefined, 1_000));
