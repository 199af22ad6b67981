import type { FailureType } from '../../client/index.ts';
import type { FailureDetails } from '../../domain/generation.ts';

/** How something ended, as far as a problem document tells it. */
interface End {
  type: FailureType;
  message: string;
  details: Partial<Pick<FailureDetails, 'submission' | 'requestId' | 'issues'>>;
}

/** A result was requested of a run that ended without one. */
export class EndedError extends Error {
  override readonly name = 'EndedError';
  readonly key: string;
  readonly failure: End;
  readonly outcome: string | undefined;

  constructor(key: string, failure: End, outcome?: string) {
    super(failure.message);
    this.key = key;
    this.failure = failure;
    this.outcome = outcome;
  }
}
