import { describe, expect, it } from 'vitest';
import type { StepFailure, StepState } from '../../../../domain/pipeline/pipeline-run.ts';
import { mayOrderFurther, phaseOfItems, skipBecauseOf, valuesOfStep } from '../../../../domain/pipeline/step-rules.ts';

describe('a further order', () => {
  const rows: [StepFailure['type'], Partial<StepFailure>, boolean, boolean][] = [
    ['InvalidInput', { submission: 'refused' }, true, true],
    ['ServiceUnavailable', { submission: 'not_sent' }, true, true],
    ['GenerationFailed', { submission: 'accepted' }, true, true],
    ['GenerationFailed', { submission: 'unknown' }, false, true],
    ['GenerationTimedOut', { submission: 'accepted', cancel: 'cancelled' }, true, true],
    ['GenerationTimedOut', { submission: 'accepted', cancel: 'not_cancellable' }, false, true],
    ['GenerationTimedOut', { submission: 'accepted', cancel: 'unknown' }, false, true],
    ['SubmitOutcomeUnknown', { submission: 'unknown' }, false, true],
    ['RequestNotFound', { submission: 'accepted' }, false, true],
    ['ProtocolMismatch', { submission: 'accepted' }, false, true],
    ['InsufficientBalance', { submission: 'refused' }, false, false],
    ['Unauthenticated', { submission: 'refused' }, false, false],
    ['BudgetExceeded', { submission: 'not_sent' }, false, false],
    ['PriceUnknown', { submission: 'not_sent' }, false, false],
    ['GenerationCancelled', { submission: 'accepted', cancel: 'cancelled' }, false, false],
  ];

  it.each(rows)('after %s %o: %s, and %s where it may be paid twice', (type, facts, surely, twice) => {
    const failure = { type, message: '', ...facts };
    expect([mayOrderFurther(failure, false), mayOrderFurther(failure, true)]).toEqual([surely, twice]);
  });
});

describe('a step', () => {
  const source = (phase: StepState['phase'], more: Partial<StepState> = {}): StepState => ({ id: 'a', phase, ...more });

  it('is skipped because of a source that was skipped or failed, unless it runs when all have ended', () => {
    expect(skipBecauseOf([source('succeeded')], 'succeeded')).toBeUndefined();
    expect(skipBecauseOf([source('skipped')], 'succeeded')).toBe('source a was skipped');
    expect(skipBecauseOf([source('failed')], 'succeeded')).toBe('source a failed');
    expect(skipBecauseOf([source('failed')], 'ended')).toBeUndefined();
  });

  it('runs with what succeeded of a fan-out', () => {
    const items = (['failed', 'succeeded'] as const).map((phase, index) => ({ index, phase }));
    expect(skipBecauseOf([source('failed', { items })], 'succeeded')).toBeUndefined();
    expect(phaseOfItems(items)).toBe('failed');
    expect(phaseOfItems([])).toBe('succeeded');
  });

  it('shows expressions the outputs of all items, and no image where there is none', () => {
    const output = { images: ['i'], videos: [], audios: [] };
    const items = [{ index: 0, phase: 'succeeded' as const, output }];
    expect(valuesOfStep(source('succeeded', { items }))).toMatchObject({
      images: ['i'],
      files: ['i'],
      items: [{ image: 'i' }],
    });
    const none = valuesOfStep(source('succeeded', { output: { images: [], videos: ['v'], audios: [] } }));
    expect(none).toMatchObject({ images: [], video: 'v' });
    expect(Object.keys(none)).not.toContain('image');
  });
});
