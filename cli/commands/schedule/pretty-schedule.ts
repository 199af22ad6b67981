import type { ListedSchedule, ScheduleState } from '../../../client/index.ts';
import { fields, table } from '../../printing/pretty.ts';

/** A schedule, for people. */
export function prettySchedule(state: ScheduleState): string {
  const { name, overlap, running, fired, missed, skipped, nextAt, recent } = state;
  return fields([
    ['schedule', name],
    ['starts', state.workflowType],
    ['state', stateOf(state)],
    ['next', state.paused ? undefined : nextAt[0]],
    ['last', recent.at(-1)?.key],
    ['running', running.join(', ')],
    ['fired', fired],
    ['missed', missed === 0 ? undefined : missed],
    ['skipped', skipped === 0 ? undefined : skipped],
    ['overlap', overlap],
  ]);
}

/** Schedules, one row each. */
export function prettySchedules(schedules: ListedSchedule[]): string {
  if (schedules.length === 0) return 'no schedules';
  const rows = schedules.map((schedule) => {
    const { name, workflowType, paused, nextAt, recent } = schedule;
    return [name, workflowType, stateOf(schedule), paused ? '' : (nextAt[0] ?? ''), recent.at(-1)?.at ?? ''];
  });
  return table(['NAME', 'STARTS', 'STATE', 'NEXT', 'LAST'], rows);
}

function stateOf({ paused, note, nextAt }: Pick<ListedSchedule, 'paused' | 'note' | 'nextAt'>): string {
  if (paused) return note === undefined ? 'paused' : `paused: ${note}`;
  return nextAt.length === 0 ? 'over' : 'on';
}
