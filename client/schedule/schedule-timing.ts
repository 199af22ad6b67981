import type { ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { InputIssue } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';

/**
 * What happens where the last firing still runs. To cancel or to end it is not offered: work that is paid for would be
 * lost.
 */
export const scheduleOverlaps = ['skip', 'buffer-one', 'buffer-all', 'allow'] as const;

/** One of `scheduleOverlaps`. */
export type ScheduleOverlap = (typeof scheduleOverlaps)[number];

/** When a schedule fires: `everyMs` or `cron`. */
export interface ScheduleTiming {
  /** Whole seconds, in milliseconds. */
  everyMs?: number | undefined;
  /** Five fields, as of `crontab`. */
  cron?: string | undefined;
  /** Of `cron`, such as `Europe/Berlin`; default UTC. */
  timezone?: string | undefined;
  /** Each firing comes up to so much later. */
  jitterMs?: number | undefined;
  /** Default `skip`. */
  overlap?: ScheduleOverlap | undefined;
  /** Firings that were missed are made up for so long, at least 10 s; default one minute. */
  catchUpMs?: number | undefined;
  /** Fires no more from this time on. */
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

/** All that is wrong with when a schedule is to fire. */
export function timingIssues(timing: ScheduleTiming): InputIssue[] {
  const { everyMs, cron, timezone, jitterMs, overlap = 'skip', catchUpMs, until } = timing;
  const issues: InputIssue[] = [];
  const expect = (path: string, isValid: boolean, expected: string) => {
    if (!isValid) issues.push({ path, message: `expected ${expected}` });
  };
  expect('everyMs', (everyMs === undefined) !== (cron === undefined), 'either everyMs or cron');
  const between = (min: number) => `whole milliseconds from ${String(min)} to ${String(maxMs)}`;
  // Temporal leaves off what is less than a second, and would order more often than was asked.
  const isWhole = (ms: number) => Number.isInteger(ms) && ms % 1_000 === 0;
  const isEvery = everyMs === undefined || (isWhole(everyMs) && everyMs >= minEveryMs && everyMs <= maxMs);
  expect('everyMs', isEvery, `whole seconds in milliseconds, from ${String(minEveryMs)} to ${String(maxMs)}`);
  for (const [path, value, min] of [
    ['jitterMs', jitterMs, 0],
    ['catchUpMs', catchUpMs, minCatchUpMs],
  ] as const) {
    expect(path, value === undefined || (Number.isInteger(value) && value >= min && value <= maxMs), between(min));
  }
  // Temporal takes further words (`@every`), and seconds, which people take for minutes.
  const isCron = cron === undefined || (typeof cron === 'string' && cron.trim().split(/\s+/).length === 5);
  expect('cron', isCron && !String(cron).startsWith('@'), "five fields, such as '0 8 * * 1-5'");
  expect('timezone', timezone === undefined || isTimezone(timezone), 'a time zone such as Europe/Berlin');
  expect('overlap', scheduleOverlaps.includes(overlap), `one of ${scheduleOverlaps.join(', ')}`);
  const isTime = until === undefined || ((until as unknown) instanceof Date && until.getTime() > Date.now());
  expect('until', isTime, 'a time that is still to come');
  return issues;
}

/** When to fire, as Temporal takes it. */
export function toSpec({ everyMs, cron, timezone, jitterMs, until }: ScheduleTiming): ScheduleOptions['spec'] {
  return {
    ...(everyMs !== undefined && { intervals: [{ every: everyMs }] }),
    ...(cron !== undefined && { cronExpressions: [cron] }),
    ...withoutUndefined({ timezone, jitter: jitterMs, endAt: until }),
  };
}

/** What happens to firings that meet others, or come late, as Temporal takes it. */
export function toPolicies({ overlap = 'skip', catchUpMs = defaultCatchUpMs }: ScheduleTiming) {
  // Temporal's own default is a year: nobody wants a hundred paid firings after an outage.
  return { overlap: overlapPolicies[overlap], catchupWindow: catchUpMs };
}

/** The word for a policy of Temporal; another one than ours is told as it is. */
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
