import { describe, expect, it } from 'vitest';
import { failureTypes, isFailureType, isRetryable } from '../../../domain/failure-type.ts';

describe('isRetryable', () => {
  it('lets a submit be repeated only where nothing can have been accepted', () => {
    expect(failureTypes.filter((type) => isRetryable(type, 'submit'))).toEqual(['RateLimited', 'ServiceUnavailable']);
  });

  it('lets reads and cancels wait for a token that is accepted again', () => {
    for (const role of ['read', 'cancel'] as const) {
      expect(failureTypes.filter((type) => isRetryable(type, role))).toEqual([
        'Unauthenticated',
        'RateLimited',
        'ServiceUnavailable',
      ]);
    }
  });
});

describe('isFailureType', () => {
  it('knows the list, and nothing else', () => {
    for (const type of failureTypes) expect(isFailureType(type)).toBe(true);
    for (const other of ['', 'invalidinput', 'Error', 'toString', null, 7]) expect(isFailureType(other)).toBe(false);
  });
});
