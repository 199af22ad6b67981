import { describe, expect, it } from 'vitest';
import { modelLabelOf } from '../../../domain/model-label.ts';

describe('the name of a model in metrics and search attributes', () => {
  it('is its id where RunComfy has shown to know it', () => {
    expect(modelLabelOf('kling/kling-3.0/pro/text-to-video', true)).toBe('kling/kling-3.0/pro/text-to-video');
  });

  it('is "other" for all that anyone may have asked for', () => {
    const asked = ['', 'x', 'a/../b', 'no/such/model', `a/${'b'.repeat(5_000)}\n`];
    expect(new Set(asked.map((model) => modelLabelOf(model, false)))).toEqual(new Set(['other']));
    expect(modelLabelOf('a model with blanks', true)).toBe('other');
  });
});
