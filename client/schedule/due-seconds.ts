import type { ScheduleDescription } from '@temporalio/client';

/**
 * Whether a schedule may fire by itself in a second, apart from jitter. Days, hours and minutes are ignored: a second
 * that is avoided needlessly costs only that second.
 */
export function isDueIn(
  { calendars, intervals }: Pick<ScheduleDescription['spec'], 'calendars' | 'intervals'>,
  second: number,
): boolean {
  const isCalled = (calendars ?? []).some((calendar) => calendar.second.some((range) => isWithin(range, second % 60)));
  return (
    isCalled ||
    (intervals ?? []).some(({ every, offset }) => (second - wholeSeconds(offset)) % (wholeSeconds(every) || 1) === 0)
  );
}

function isWithin({ start, end, step }: { start: number; end: number; step: number }, second: number): boolean {
  return second >= start && second <= Math.max(start, end) && (second - start) % (step || 1) === 0;
}

/** Temporal drops fractions of a second. */
function wholeSeconds(ms: unknown): number {
  return Math.floor(Number(ms ?? 0) / 1_000);
}
