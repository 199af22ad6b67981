import v8 from 'node:v8';

/**
 * Makes V8 collect garbage before it grows the heap. A process that mostly waits, or reads a long file once, has the
 * time for it. Without this, a batch made workers twice as large (`npm run bench:batch -- --campaign 10000`).
 */
export function favourMemory(): void {
  v8.setFlagsFromString('--optimize-for-size');
}
