import { describe, expect, it } from 'vitest';
import { nearestModels } from '../../../../cli/nearest-models.ts';
import { prettyState, progressLine } from '../../../../cli/printing/pretty-state.ts';
import type { KnownState } from '../../../../client/index.ts';

const now = Date.parse('2026-01-01T00:01:00Z');
const state: KnownState = {
  phase: 'in_queue',
  model: 'a/b',
  submission: 'accepted',
  requestId: 'r-1',
  reads: 0,
  deadlineAt: '2026-01-02T00:00:00Z',
};

describe('a state for people', () => {
  it('says that nobody has looked yet, and how long ago somebody did', () => {
    expect(progressLine(state, 1_000, now)).toContain('submitted, not looked at yet');
    const looked = { ...state, reads: 1, readAt: '2026-01-01T00:00:20Z' };
    expect(progressLine(looked, 1_000, now)).toContain('in queue (seen 0:40 ago)');
    expect(progressLine({ ...looked, readAt: '2026-01-01T00:00:59Z' }, 1_000, now)).toContain('in queue ·');
  });

  it('tells the time left, and of workers that fail', () => {
    expect(progressLine({ ...state, expectedEndAt: '2026-01-01T00:01:30Z' }, 0, now)).toContain('about 0:30 left');
    expect(progressLine({ ...state, expectedEndAt: '2026-01-01T00:00:30Z' }, 0, now)).toContain('any moment');
    const failing: KnownState = { ...state, isFromServer: true, taskFailure: { attempts: 4, reason: 'no such key' } };
    expect(prettyState(failing, 'k', now)).toContain('its tasks fail (attempt 4): no such key');
    const delayed: KnownState = { ...state, phase: 'submitting', isFromServer: true, beginsAt: '2026-01-01T05:00:00Z' };
    expect(progressLine(delayed, 0, now)).toMatch(/· begins at 2026-01-01T05:00:00Z · request r-1$/);
    expect(prettyState(delayed, 'k', now)).toMatch(/begins +2026-01-01T05:00:00Z/);
  });

  it.each([
    ['InsufficientBalance', 'a filled wallet'],
    ['Unauthenticated', 'a valid token'],
    ['BudgetExceeded', 'room in a budget'],
  ] as const)('tells what an order waits for that is refused: %s', (type, what) => {
    const nextTryAt = '2026-01-01T00:02:00Z';
    const wall = { type, message: 'top up', since: '2026-01-01T00:00:00Z', refusals: 3, nextTryAt };
    const waiting: KnownState = { ...state, phase: 'submitting', wall };
    expect(progressLine(waiting, 0, now)).toContain(`waits for ${what}`);
    const told = `${what} since 2026-01-01T00:00:00Z, refused 3 times, next try ${nextTryAt}: top up`;
    expect(prettyState(waiting, 'k', now)).toContain(told);
  });

  it('shows every figure of the evidence about an unknown submission', () => {
    const text = prettyState(
      {
        ...state,
        phase: 'submission_unknown',
        evidence: {
          sentAt: '2026-01-01T00:00:00Z',
          balanceBefore: { microdollars: 10_000_000, readAt: '2026-01-01T00:00:00Z' },
          balanceAfter: { microdollars: 8_740_000, readAt: '2026-01-01T00:01:00Z' },
          reason: 'the reply broke off',
          reply: '{"req',
          repliedRequestId: 'r-9',
          expectedPriceUsd: 1.26,
          note: 'a hint',
        },
      },
      'k',
      now,
    );
    const adopt = '`runcomfy-temporal resolve k --adopt r-9`';
    for (const figure of ['$10 at', '$8.74 at', '$1.26', 'the reply broke off', '{"req', 'r-9', 'a hint', adopt]) {
      expect(text).toContain(figure);
    }
  });
});

describe('nearestModels', () => {
  it('offers the ids most like a wrong one first', () => {
    const known = ['google/nano-banana-2/text-to-image', 'kling/kling-3.0/standard/image-to-video', 'a/b'];
    expect(nearestModels('kling/kling-3/standard/image-to-video', known)[0]).toBe(known[1]);
  });
});
