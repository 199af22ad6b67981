import { type Phase, phases } from '../../../domain/generation.ts';
import { attributeOf, type RunInfo } from '../run-info.ts';

/** Whether a phase is final. */
export function isTerminal(phase: Phase): boolean {
  return phase === 'succeeded' || phase === 'failed' || phase === 'cancelled' || phase === 'timed_out';
}

/**
 * The phase that a run's status and search attribute tell. An end known to Temporal wins over the attribute.
 * `undefined` if neither tells, because the workflow never set its attribute.
 */
export function phaseOf(run: Pick<RunInfo, 'status' | 'attributes'>): Phase | undefined {
  switch (run.status) {
    case 'completed':
      return 'succeeded';
    case 'canceled':
    case 'terminated':
      return 'cancelled';
    case 'timed_out':
      return 'timed_out';
    case 'failed':
    case 'running':
    case 'paused':
    case 'continued_as_new':
    case 'unknown': {
      const word = attributeOf(run, 'RunComfyPhase');
      return phases.find((phase) => phase === word);
    }
  }
}

/** The phase of a run that never set its attribute, by its pending activities. */
export function phaseByActivity(pendingActivities: string[]): Phase {
  if (pendingActivities.includes('fetchResult')) return 'fetching_result';
  return pendingActivities.includes('readStatus') ? 'in_queue' : 'submitting';
}
