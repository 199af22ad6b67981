import { describe, expect, it } from 'vitest';
import { isUnbilled, readFailureDetails } from '../../../domain/failure-details.ts';

describe('readFailureDetails', () => {
  it('reads the first detail, and takes anything but an object for none', () => {
    expect(readFailureDetails({ details: [{ submission: 'refused' }, { submission: 'accepted' }] })).toEqual({
      submission: 'refused',
    });
    for (const details of [undefined, null, [], ['text'], [null], [[1]]]) {
      expect(readFailureDetails({ details })).toEqual({});
    }
  });
});

describe('isUnbilled', () => {
  it('believes only the word that nothing was accepted', () => {
    expect(['not_sent', 'refused'].every(isUnbilled)).toBe(true);
    expect(['accepted', 'unknown', undefined, null, '', {}].some(isUnbilled)).toBe(false);
  });
});
