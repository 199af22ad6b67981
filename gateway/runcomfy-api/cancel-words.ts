import type { CancelOutcome } from '../../domain/generation.ts';
import type { StateWords } from './state-words.ts';

/** The body of `/cancel`; undefined if the outcome is not known yet. */
export interface CancelWords {
  status: StateWords['status'];
  outcome: 'cancelled' | 'not_cancellable';
}

/** The outcome of a cancel in RunComfy's terms; `current` is the generation's status in `/status`. */
export function cancelWordsOf(outcome: CancelOutcome, current: StateWords['status']): CancelWords | undefined {
  switch (outcome) {
    case 'cancelled':
    case 'not_submitted':
      return { status: 'cancelled', outcome: 'cancelled' };
    case 'not_cancellable':
      return { status: current === 'completed' ? current : 'in_progress', outcome: 'not_cancellable' };
    case 'too_late':
      return { status: current, outcome: 'not_cancellable' };
    case 'unknown':
      return undefined;
  }
}
