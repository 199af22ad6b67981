import type { GenerationErrorType } from '../client/index.ts';

/** A worker that is being exchanged, or that a restarted Temporal has not heard of yet, is back within this time. */
const returnsWithinMs = 60_000;

/**
 * Judges what is seen at each look, at a time in ms: why nothing goes on, undefined where something does, `unknown` where
 * Temporal did not say. True once what is waited for has to be left: at the second look in a row with the same reason,
 * where a worker was there before not within a minute of its absence.
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
