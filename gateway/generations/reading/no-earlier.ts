import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { type Phase, phases } from '../../../domain/generation.ts';

/** A generation as it was seen last, at a time by `performance.now()`. */
export interface LastSeen {
  generation: DescribedGeneration;
  readAt: number;
}

/**
 * What was seen to run is not shown to wait again, nor what a list told while this was asked for undone; a new run of a key
 * that had ended begins anew.
 */
export function noEarlier(
  last: LastSeen | undefined,
  found: DescribedGeneration,
  askedAt: number,
): DescribedGeneration {
  if (last === undefined || last.generation.ending || found.ending) return found;
  const { runId, phase } = last.generation;
  const isOvertaken = runId === found.runId && last.readAt > askedAt && isBefore(found.phase, phase);
  const isEarlier = isRunning(last.generation) && !isRunning(found);
  const isUndone = runId === found.runId && isTakenBack(phase, found.phase);
  if (!isEarlier && !isOvertaken && !isUndone) return found;
  return { ...found, phase, ...(found.state && { state: { ...found.state, phase } }) };
}

/** Whether a run that was told to be in one phase cannot be in another any more: only what is not accepted is submitted anew. */
export function isTakenBack(told: Phase, found: Phase): boolean {
  return !isBefore(told, 'in_queue') && isBefore(found, told);
}

/** Whether one phase comes before another. */
export function isBefore(phase: Phase, other: Phase): boolean {
  return phases.indexOf(phase) < phases.indexOf(other);
}

function isRunning({ phase }: DescribedGeneration): boolean {
  return !isBefore(phase, 'in_progress');
}
