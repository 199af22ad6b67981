import { describe, expect, it } from 'vitest';
import { isDueIn } from '../../../../client/schedule/due-seconds.ts';
import { timingIssues } from '../../../../client/schedule/schedule-timing.ts';

type Spec = Parameters<typeof isDueIn>[0];
const minute = 1_795_770_120;
const dueOf = (spec: object) =>
  Array.from({ length: 60 }, (_, second) => second).filter((second) => isDueIn(spec as Spec, minute + second));
const calendar = (...second: object[]) => ({ calendars: [{ second }] });

describe('the seconds in which a schedule may fire', () => {
  it('are those of its calendars and of its intervals', () => {
    expect(dueOf({})).toEqual([]);
    expect(dueOf(calendar({ start: 0, end: 0, step: 0 }))).toEqual([0]);
    expect(dueOf(calendar({ start: 5, end: 0, step: 1 }, { start: 10, end: 30, step: 10 }))).toEqual([5, 10, 20, 30]);
    expect(dueOf({ intervals: [{ every: 20_000 }] })).toEqual([0, 20, 40]);
    expect(dueOf({ intervals: [{ every: 30_000, offset: 7_000 }] })).toEqual([7, 37]);
    expect(dueOf({ intervals: [{ every: 1_500 }] })).toHaveLength(60);
    expect(dueOf({ ...calendar({ start: 1, end: 1, step: 1 }), intervals: [{ every: 60_000 }] })).toEqual([0, 1]);
  });

  it('are whole ones: what Temporal would fire more often than asked is refused', () => {
    const issuesOf = (everyMs: unknown) => timingIssues({ everyMs: everyMs as number }).map(({ path }) => path);
    expect([1_000, 90_000, 6 * 60 * 60_000].flatMap(issuesOf)).toEqual([]);
    for (const everyMs of [0, 500, 1_500, 59_999, Number.NaN, '60000', [60_000]]) {
      expect(issuesOf(everyMs)).toEqual(['everyMs']);
    }
  });
});
