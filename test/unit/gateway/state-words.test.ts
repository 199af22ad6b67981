import { expect, it } from 'vitest';
import type { GenerationEnding } from '../../../client/operator/index.ts';
import { failureTypes } from '../../../domain/failure-type.ts';
import type { GenerationState, Phase, Submission } from '../../../domain/generation.ts';
import { RefusalError } from '../../../gateway/http/refusal-error.ts';
import { errorReply } from '../../../gateway/runcomfy-api/error-reply.ts';
import { wordsOf } from '../../../gateway/runcomfy-api/state-words.ts';

const misread = /401|429|timed out|timeout|unauthori[sz]ed|not signed in|invalid input|invalid json/i;

/** What `/result` says of a generation that ended so. */
function told(state: Partial<GenerationState>, isTerminated?: true) {
  const ending = { state, ...(isTerminated && { isTerminated }) } as GenerationEnding;
  const phase = state.phase ?? 'failed';
  return wordsOf({ key: 'k', runId: 'r', model: 'a/b', startedAt: '2026-11-27T00:00:00.000Z', phase, ending });
}

it.each(['x401y', '429', '0198-4290-a', 'plain-id'])(
  'tells an end in words that no client misreads: %s',
  (requestId) => {
    const submissions: Submission[] = ['not_sent', 'refused', 'accepted', 'unknown'];
    for (const type of failureTypes) {
      const message = `HTTP 401: it timed out (model a/b-429, key order-401 (x), request ${requestId})`;
      const failure = { type, message, details: {} } as GenerationState['failure'];
      for (const submission of submissions) {
        for (const phase of ['failed', 'cancelled', 'timed_out'] satisfies Phase[]) {
          for (const isTerminated of [undefined, true] as const) {
            const { status, error = '' } = told(
              { phase, submission, requestId, failure: failure as never },
              isTerminated,
            );
            const what = [type, submission, phase, error].join(', ');
            expect(error, what).not.toMatch(misread);
            expect(error, what).not.toContain('(model');
            if (status === 'cancelled' || type === 'SubmitOutcomeUnknown' || type === 'GenerationFailed') continue;
            const isFree = submission === 'not_sent' || submission === 'refused';
            expect(error.includes(`(request ${requestId})`), what).toBe(!isFree && requestId === 'plain-id');
            if (phase === 'failed')
              expect(error, what).toMatch(isFree ? /; nothing was billed/ : /; RunComfy may bill it/);
          }
        }
      }
    }
  },
);

it.each<[more: Partial<GenerationState>, words: object]>([
  [{}, { status: 'cancelled', result: 'cancelled' }],
  [
    { costUsd: 0, otherRequestIds: ['r-0'], otherCostUsd: 0 },
    { status: 'cancelled', result: 'cancelled' },
  ],
  ...[{ otherCostsUnknown: 1 }, { otherRequestIds: ['r-0'] }, { otherCostUsd: 0.1 }, { costUsd: 0.1 }].map(
    (more): [Partial<GenerationState>, object] => [
      more,
      {
        status: 'completed',
        result: 'failed',
        error: expect.stringMatching(/^cancelled; RunComfy may bill .*\(request r-1\)/),
      },
    ],
  ),
  [{ phase: 'timed_out' }, { error: expect.stringContaining('nothing was billed') }],
  [{ phase: 'timed_out', otherCostsUnknown: 1 }, { error: expect.stringContaining('RunComfy may finish it') }],
])('says that an order was cancelled only where nothing is billed: %j', (more, words) => {
  const cancel = { requestedAt: '2026-11-27T00:00:00.000Z', outcome: 'cancelled' } as const;
  const failure = { type: 'GenerationTimedOut', message: 'x', details: {} } as never;
  const state = { phase: 'cancelled', submission: 'accepted', requestId: 'r-1', cancel, failure, ...more } as const;
  expect(told(state)).toMatchObject(words);
});

it.each<[more: object, words: object, isTerminated?: true]>([
  [{}, { status: 'cancelled', result: 'cancelled' }],
  [{ otherCostsUnknown: 1 }, { result: 'failed', error: expect.stringMatching(/^cancelled; RunComfy may bill/) }],
  [{ submission: 'unknown' }, { result: 'failed', error: expect.stringMatching(/^detached: /) }],
  [{ failure: undefined }, { result: 'failed', error: expect.stringMatching(/^detached: /) }],
  [{}, { result: 'failed', error: expect.stringMatching(/^terminated in Temporal/) }, true],
])('says that an order was cancelled at RunComfy itself: %j', (more, words, isTerminated) => {
  const failure = { type: 'GenerationCancelled', message: 'x', details: {} };
  const state = { phase: 'cancelled', submission: 'accepted', requestId: 'r-1', failure, ...more };
  expect(told(state as Partial<GenerationState>, isTerminated)).toMatchObject(words);
});

it('says in words of ours what RunComfy refused, and its own of what it failed', () => {
  const failed = (type: (typeof failureTypes)[number], vendorMessage: string) =>
    told({
      phase: 'failed',
      submission: 'refused',
      failure: { type, message: 'x', details: { vendorMessage } } as never,
    });
  expect(failed('InvalidInput', 'see https://a.example/401?b=429, "x429"').error).toBe(
    'InvalidInput: see 4xx, "4xx"; nothing was billed.',
  );
  expect(failed('GenerationFailed', 'HTTP 401 timeout').error).toBe('HTTP 401 timeout');
});

it("leaves the caller's key as it is in a sentence that names it, and nothing else", () => {
  const said = (key: string) => {
    const message = `HTTP 401, timeout: repeat it with Idempotency-Key: ${key}`;
    return errorReply(new RefusalError('TemporalUnreachable', message, { key })) as { error_message: string };
  };
  for (const key of ['order-4290', '401', 'timeout', 'e', 'order-1']) {
    expect(said(key).error_message.endsWith(`Idempotency-Key: ${key}`), key).toBe(true);
    expect(said(key).error_message.replaceAll(key, ''), key).not.toMatch(/401|timeout/);
  }
});

it.each([1_999, 2_000, 2_001, 5_000])('tells a reason of %i characters in 2,000 at most', (length) => {
  const failure = { type: 'GenerationFailed', message: 'x'.repeat(length), details: {} } as GenerationState['failure'];
  const { error = '' } = told({ phase: 'failed', submission: 'accepted', failure: failure as never });
  expect(error).toBe(length <= 2_000 ? 'x'.repeat(length) : `${'x'.repeat(1_999)}…`);
});
