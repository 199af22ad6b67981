import { defineConfig } from 'vitest/config';

const serverTimeoutMs = 120_000;

/** Server tiers start processes of their own beside the server: two test files at a time are enough for two cores. */
const workers = { pool: 'forks', maxWorkers: 2 } as const;

export default defineConfig({
  test: {
    ...workers,
    // What concurrent tests do is wait: for timeouts and timers of Temporal's own.
    maxConcurrency: 20,
    restoreMocks: true,
    unstubEnvs: true,
    projects: [
      {
        test: {
          name: 'unit',
          ...workers,
          include: ['test/unit/**/*.test.ts', 'test/activity/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'replay',
          ...workers,
          include: ['test/replay/**/*.test.ts'],
          globalSetup: ['test/support/setup/bundle-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'server',
          ...workers,
          include: ['test/workflow/**/*.test.ts', 'test/e2e/**/*.test.ts', 'test/fuzz/**/*.test.ts'],
          globalSetup: ['test/support/setup/bundle-setup.ts', 'test/support/setup/global-setup.ts'],
          testTimeout: serverTimeoutMs,
          hookTimeout: serverTimeoutMs,
        },
      },
    ],
  },
});
