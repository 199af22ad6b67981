import type { GenerationErrorType } from '../client/index.ts';

/** A worker that is being replaced, or that a restarted Temporal has not yet heard from, is back within this time. */
const returnsWithinMs = 60_000;

/**
 * Creates a judge for repeated checks of why nothing goes on: undefined if something does, `unknown` if Temporal did
 * not say; `at` is in ms. It returns true once waiting is pointless: at the second check in a row with the same reason.
 * If a worker was there before, its absence is tolerated for a minute.
 */
export function judgeStandstill(): (why: GenerationErrorType | 'unknown' | undefined, at: number) => boolean {
  let before: GenerationErrorType | undefined;
  let wasAttended = false;
  let absentSince: number | undefined;
  return (why, at) => {
    if (why === undefined) [wasAttended, absentSince] = [true, undefined];
    if (why === 'NoWorker') absentSince ??= at;
    const isSame = why !== 'unknown' && why !== undefined && why === before;
    before = why === 'unknown' ? undefined : why;
    const mayReturn = wasAttended && absentSince !== undefined && at - absentSince < returnsWithinMs;
    return isSame && !(why === 'NoWorker' && mayReturn);
  };
}
