import type { FuzzScript } from './script.ts';

/** What scripts have that meet nothing but faults, cancels and decisions. */
export const untroubled = {
  input: 'plain',
  unreported: [],
  untimely: [],
  forged: [],
  retriedAfterMs: undefined,
  resetAfterMs: undefined,
  isResetElsewhere: false,
} satisfies Partial<FuzzScript>;

/** Scripts that broke a promise, or its check, once; each is played on every test run. */
export const keptScripts: Record<string, FuzzScript> = {
  'a result turns out failed just after another fault has looked at the success': {
    policy: 'fail',
    onCancelWhileRunning: 'wait',
    deadlineMs: 12_001,
    queueReads: 3,
    runReads: 1,
    faults: [
      { fault: 'missing-status', step: 'result', times: 8, skip: 2 },
      { fault: 'stuck-in-queue', step: 'submit', skip: 1 },
      { fault: 'result-failed', step: 'result', times: 1 },
    ],
    cancels: [],
    decisions: [],
    ...untroubled,
  },
};
