import { afterEach, vi } from 'vitest';

// Files share a process: time that one has stopped would stand still for the next, too.
afterEach(() => {
  vi.useRealTimers();
});
