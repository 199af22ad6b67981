import { defineConfig } from 'vitest/config';

const serverTimeoutMs = 120_000;

/** These compute: as many files at a time as there are cores, in processes that load the product once for all files. */
const computing = { pool: 'forks', maxWorkers: 2, isolate: false, sequence: { groupOrder: 1 } } as const;

/** These wait, for the server, for timers and for processes of their own; first. */
const waiting = { pool: 'forks', maxWorkers: 2, sequence: { groupOrder: 0 } } as const;

export default defineConfig({
  test: {
    // What concurrent tests do is wait: for timeouts and timers of Temporal's own.
    maxConcurrency: 20,
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      {
        test: {
          name: 'unit',
          ...computing,
          include: ['test/unit/**/*.test.ts', 'test/activity/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'replay',
          ...computing,
          include: ['test/replay/**/*.test.ts'],
          globalSetup: ['test/support/setup/bundle-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'server',
          ...waiting,
          include: ['test/workflow/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          globalSetup: ['bundle-setup', 'program-setup', 'global-setup'].map((name) => `test/support/setup/${name}.ts`),
          testTimeout: serverTimeoutMs,
          hookTimeout: serverTimeoutMs,
        },
      },
    ],
  },
});
