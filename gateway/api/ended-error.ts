import type { FailureState } from '../../domain/generation.ts';

/** A result was asked for of what ended without one. */
export class EndedError extends Error {
  override readonly name = 'EndedError';
  readonly key: string;
  readonly failure: FailureState;
  readonly outcome: string | undefined;

  constructor(key: string, failure: FailureState, outcome?: string) {
    super(failure.message);
    this.key = key;
    this.failure = failure;
    this.outcome = outcome;
  }
}
