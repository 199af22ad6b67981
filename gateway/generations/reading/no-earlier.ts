import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { type Phase, phases } from '../../../domain/generation.ts';

/** A generation as it was last seen, at a time by `performance.now()`. */
export interface LastSeen {
  generation: DescribedGeneration;
  readAt: number;
}

/**
 * Corrects a state that was read: a generation that was seen running is not shown as waiting again, and a list that was
 * read meanwhile is not undone. A new run of an ended key starts over.
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

/**
 * Whether a run cannot have gone from one phase back to another: only an order that was not accepted is submitted
 * again.
 */
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
