import type { Switches } from '../settings/switches.ts';
import { isFinished, type Job } from '../world/job.ts';

/** The status word of `/status`. `completed` means that the work is over, not that it succeeded. */
export function statusWordOf(job: Job, switches: Switches): string {
  switch (seenState(job)) {
    case 'in_queue':
      return 'in_queue';
    case 'in_progress':
      return 'in_progress';
    case 'succeeded':
      return 'completed';
    case 'failed':
      return switches.failed_in_status ? 'failed' : 'completed';
    case 'cancelled':
      return switches.cancelled_spelling;
  }
}

/** The status word of `/result`. */
export function resultWordOf(job: Job, switches: Switches): string {
  const state = seenState(job);
  if (state === 'succeeded') return switches.success_word;
  return state === 'cancelled' ? switches.cancelled_spelling : state;
}

/**
 * The state that callers see. A job that was reported as cancelled but runs on shows its real state only once it has
 * finished.
 */
export function seenState(job: Job): Job['state'] {
  return job.ignoresCancel === true && !isFinished(job) ? 'cancelled' : job.state;
}
