import { beforeEach, describe, expect, it, vi } from 'vitest';
import { batchLine, batchMark } from '../../../cli/commands/batch/pretty-batch.ts';
import type { KnownBatchState } from '../../../client/index.ts';

const now = Date.parse('2026-01-01T00:01:00Z');
const state: KnownBatchState = {
  runId: 'run',
  phase: 'running',
  sealed: true,
  window: 20,
  paused: null,
  counts: {
    total: 1_000,
    waiting: 630,
    inFlight: 20,
    succeeded: 340,
    failed: 5,
    cancelled: 1,
    timedOut: 1,
    unknown: 2,
    notStarted: 1,
  },
  money: { spentUsd: 3.4, reservedUsd: 0.2, maxCostUsd: 13, unpriced: 0 },
  failures: [],
  rate: { perMinute: 31.2, etaAt: '2026-01-01T00:21:50Z' },
  startedAt: '2026-01-01T00:00:00Z',
  resultPages: 3,
  input: { count: 1_000, digest: '', pages: 4 },
};
const line = (more: Partial<KnownBatchState>, sinceMs = 61_000) => batchLine({ ...state, ...more }, sinceMs);

describe('a batch on one line', () => {
  beforeEach(() => {
    vi.spyOn(Date, 'now').mockReturnValue(now);
  });

  it('tells how far it is, what failed, what runs, how fast, what is left and what it has cost', () => {
    expect(line({})).toBe(
      'running · [=======             ] 350/1000 · 8 failed · 20 in flight · 31.2/min · 20:50 left · $3.4 of $13 · 1:01',
    );
  });

  it('says why it is paused, and what of its cost is presumed', () => {
    const paused = { reason: 'budget', since: '2026-01-01T00:00:30Z' } as const;
    const money = { spentUsd: 0.1, presumedUsd: 0.2, reservedUsd: 0, unpriced: 0 };
    const counts = { ...state.counts, succeeded: 368, waiting: 630, inFlight: 0, failed: 0, timedOut: 0, unknown: 0 };
    expect(line({ phase: 'paused', paused, money, counts, rate: { perMinute: 0 } })).toBe(
      'paused (budget) · [=======             ] 370/1000 · 0 in flight · $0.3 ($0.2 of it presumed) · 1:01',
    );
  });

  it('fills its bar at the end alone, and an empty one never', () => {
    const ends = { waiting: 0, inFlight: 1, succeeded: 999 - 10 };
    expect(line({ counts: { ...state.counts, ...ends } })).toContain('[=================== ] 999/1000');
    expect(line({ counts: { ...state.counts, ...ends, inFlight: 0, succeeded: 990 } })).toContain(
      `[${'='.repeat(20)}] 1000/1000`,
    );
    const nothing = {
      total: 0,
      waiting: 0,
      inFlight: 0,
      succeeded: 0,
      failed: 0,
      cancelled: 0,
      timedOut: 0,
      unknown: 0,
      notStarted: 0,
    };
    expect(line({ counts: nothing })).toContain(`[${' '.repeat(20)}] 0/0`);
  });

  it('tells no time left that is over', () => {
    expect(line({ rate: { perMinute: 31.2, etaAt: new Date(now - 1).toISOString() } })).not.toContain('left');
  });

  it('has a mark that changes with the phase and with each tenth', () => {
    const ended = (succeeded: number) =>
      batchMark({ ...state, counts: { ...state.counts, succeeded, waiting: 970 - succeeded } });
    expect(ended(340)).toBe(batchMark(state));
    expect(ended(389)).toBe(batchMark(state));
    expect(ended(390)).not.toBe(batchMark(state));
    expect(batchMark({ ...state, phase: 'paused' })).not.toBe(batchMark(state));
  });
});
