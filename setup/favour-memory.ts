import v8 from 'node:v8';

/**
 * Has this process collect before its heap grows. One that waits, or reads a long file once, has the time: a batch made
 * workers twice as large without it (`npm run bench:batch -- --campaign 10000`).
 */
export function favourMemory(): void {
  v8.setFlagsFromString('--optimize-for-size');
}
