import { defineConfig } from 'vitest/config';
import type { TestSequencerConstructor } from 'vitest/node';
import { hangMs, testHangMs } from './test/support/patience.ts';
import { longestFirst } from './test/support/setup/longest-first.ts';

/** Projects inherit nothing from the root: what holds for each of them stands here. */
const common = {
  pool: 'forks',
  // A process loads the product once for all its files: more than a second of computing for each of a hundred others.
  isolate: false,
  restoreMocks: true,
  unstubEnvs: true,
  expect: { poll: { timeout: hangMs, interval: 50 } },
} as const;

/** These compute and wait a little. */
const computing = { ...common, maxWorkers: 2, sequence: { groupOrder: 1 } } as const;

/** These wait, for the server, for timers and for processes of their own; first. So do the concurrent tests of a file. */
const waiting = {
  ...common,
  // What forgets so much as these is collected less often: a thirtieth of what they compute.
  execArgv: ['--max-semi-space-size=64'] as string[],
  maxWorkers: 5,
  maxConcurrency: 20,
  sequence: { groupOrder: 0 },
} as const;

const setup = (...names: string[]) => names.map((name) => `test/support/setup/${name}-setup.ts`);

export default defineConfig({
  test: {
    sequence: { sequencer: longestFirst as unknown as TestSequencerConstructor },
    projects: [
      {
        test: {
          name: 'unit',
          ...computing,
          include: ['test/unit/**/*.test.ts', 'test/activity/**/*.test.ts'],
          setupFiles: setup('each-file', 'record-answers'),
          testTimeout: testHangMs,
          hookTimeout: testHangMs,
        },
      },
      {
        test: {
          name: 'replay',
          ...computing,
          include: ['test/replay/**/*.test.ts', 'test/in-process/**/*.test.ts'],
          globalSetup: setup('bundle'),
          setupFiles: setup('each-file', 'replay'),
          testTimeout: testHangMs,
          hookTimeout: testHangMs,
        },
      },
      {
        test: {
          name: 'server',
          ...waiting,
          include: ['workflow', 'e2e', 'gateway', 'fuzz'].map((tier) => `test/${tier}/**/*.test.ts`),
          globalSetup: setup('bundle', 'program', 'global'),
          setupFiles: setup('each-file', 'each-test', 'replay', 'record-answers'),
          testTimeout: testHangMs,
          hookTimeout: testHangMs,
        },
      },
    ],
  },
});
