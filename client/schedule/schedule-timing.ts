import type { ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { InputIssue } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';

/**
 * What happens to a firing while the previous one is still running. Cancelling or terminating is not offered, as work
 * that is paid for would be lost.
 */
export const scheduleOverlaps = ['skip', 'buffer-one', 'buffer-all', 'allow'] as const;

/** One of `scheduleOverlaps`. */
export type ScheduleOverlap = (typeof scheduleOverlaps)[number];

/** When a schedule fires: `everyMs` or `cron`. */
export interface ScheduleTiming {
  /** Whole seconds, in milliseconds. */
  everyMs?: number | undefined;
  /** Five fields, as in a `crontab`. */
  cron?: string | undefined;
  /** Time zone of `cron`, such as `Europe/Berlin`; default UTC. */
  timezone?: string | undefined;
  /** Each firing is delayed by a random time of up to this length. */
  jitterMs?: number | undefined;
  /** Default `skip`. */
  overlap?: ScheduleOverlap | undefined;
  /** Missed firings are made up for within this time, at least 10 s; default one minute. */
  catchUpMs?: number | undefined;
  /** No firing from this time on. */
  until?: Date | undefined;
}

const minEveryMs = 1_000;
const maxMs = 366 * 24 * 60 * 60 * 1_000;
const minCatchUpMs = 10_000;
const defaultCatchUpMs = 60_000;

const overlapPolicies = {
  skip: 'SKIP',
  'buffer-one': 'BUFFER_ONE',
  'buffer-all': 'BUFFER_ALL',
  allow: 'ALLOW_ALL',
} as const satisfies Record<ScheduleOverlap, ScheduleOverlapPolicy>;

/** All problems of a schedule's timing. */
export function timingIssues(timing: ScheduleTiming): InputIssue[] {
  const { everyMs, cron, timezone, jitterMs, overlap = 'skip', catchUpMs, until } = timing;
  const issues: InputIssue[] = [];
  const expect = (path: string, isValid: boolean, expected: string) => {
    if (!isValid) issues.push({ path, message: `expected ${expected}` });
  };
  expect('everyMs', (everyMs === undefined) !== (cron === undefined), 'either everyMs or cron');
  const between = (min: number) => `whole milliseconds from ${String(min)} to ${String(maxMs)}`;
  // Temporal drops fractions of a second and would order more often than asked for.
  const isWhole = (ms: number) => Number.isInteger(ms) && ms % 1_000 === 0;
  const isEvery = everyMs === undefined || (isWhole(everyMs) && everyMs >= minEveryMs && everyMs <= maxMs);
  expect('everyMs', isEvery, `whole seconds in milliseconds, from ${String(minEveryMs)} to ${String(maxMs)}`);
  for (const [path, value, min] of [
    ['jitterMs', jitterMs, 0],
    ['catchUpMs', catchUpMs, minCatchUpMs],
  ] as const) {
    expect(path, value === undefined || (Number.isInteger(value) && value >= min && value <= maxMs), between(min));
  }
  // Temporal also accepts words such as `@every`, and a field for seconds, which people mistake for minutes.
  const isCron = cron === undefined || (typeof cron === 'string' && cron.trim().split(/\s+/).length === 5);
  expect('cron', isCron && !String(cron).startsWith('@'), "five fields, such as '0 8 * * 1-5'");
  expect('timezone', timezone === undefined || isTimezone(timezone), 'a time zone such as Europe/Berlin');
  expect('overlap', scheduleOverlaps.includes(overlap), `one of ${scheduleOverlaps.join(', ')}`);
  const isTime = until === undefined || ((until as unknown) instanceof Date && until.getTime() > Date.now());
  expect('until', isTime, 'a time that is still to come');
  return issues;
}

/** The timing in Temporal's form. */
export function toSpec({ everyMs, cron, timezone, jitterMs, until }: ScheduleTiming): ScheduleOptions['spec'] {
  return {
    ...(everyMs !== undefined && { intervals: [{ every: everyMs }] }),
    ...(cron !== undefined && { cronExpressions: [cron] }),
    ...withoutUndefined({ timezone, jitter: jitterMs, endAt: until }),
  };
}

/** The policies for overlapping and late firings, in Temporal's form. */
export function toPolicies({ overlap = 'skip', catchUpMs = defaultCatchUpMs }: ScheduleTiming) {
  // Temporal's default is a year: nobody wants a hundred paid firings after an outage.
  return { overlap: overlapPolicies[overlap], catchupWindow: catchUpMs };
}

/** Our word for a policy of Temporal; a policy without one is returned unchanged. */
export function overlapOf(policy: string | undefined): string {
  return Object.entries(overlapPolicies).find(([, known]) => known === policy)?.[0] ?? policy ?? 'skip';
}

function isTimezone(name: unknown): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: String(name) });
    return true;
  } catch {
    return false;
  }
}
