import { randomInt } from 'node:crypto';
import type { ScheduleDescription } from '@temporalio/client';

/** When a firing is to be. */
export interface FiringTime {
  /** Since 1970; its key tells it. */
  second: number;
  /** Of that second. */
  nanos: number;
}

/** One thing that a schedule has started. */
interface Firing {
  key: string;
  runId: string;
  /** The second that its key tells; NaN where it tells none. */
  second: number;
  scheduledFor: FiringTime;
  /** For a time finer than a millisecond, which schedules do not ask for, and our triggers with digits of their own. */
  isByServersClock: boolean;
}

/** How the times end that triggers ask for; no clock that counts microseconds, or tenths of them, ends so. */
const triggerDigits = 4_711;
const triggerTimesPerSecond = 100_000;

/** A time in a second by which whoever triggers knows its firing from that of another one who asks for the same second. */
export function timeOfTriggerIn(second: number): FiringTime {
  return { second, nanos: randomInt(triggerTimesPerSecond) * 10_000 + triggerDigits };
}

const secondLength = '2026-11-27T08:00:00Z'.length;

/** The last firings of a schedule. */
export function firingsOf({ info, raw }: ScheduleDescription): Firing[] {
  return info.recentActions.map(({ action, scheduledAt }, index) => {
    const { workflowId, firstExecutionRunId } = action.workflow;
    const nanos = raw.info?.recentActions?.[index]?.scheduleTime?.nanos ?? 0;
    return {
      key: workflowId,
      runId: firstExecutionRunId,
      second: Date.parse(workflowId.slice(-secondLength)) / 1_000,
      scheduledFor: { second: Math.floor(scheduledAt.getTime() / 1_000), nanos },
      isByServersClock: nanos % 1_000_000 !== 0 && nanos % 10_000 !== triggerDigits,
    };
  });
}
