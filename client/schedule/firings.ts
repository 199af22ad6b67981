import { randomInt } from 'node:crypto';
import type { ScheduleDescription } from '@temporalio/client';

/** The time that a firing is scheduled for. */
export interface FiringTime {
  /** Seconds since 1970; this is the time in the firing's key. */
  second: number;
  /** Nanoseconds within that second. */
  nanos: number;
}

/** A workflow that a schedule has started. */
interface Firing {
  key: string;
  runId: string;
  /** The second in its key; NaN if there is none. */
  second: number;
  scheduledFor: FiringTime;
  /**
   * Scheduled for a time finer than a millisecond that is not one of our triggers: schedules do not use such times, so
   * an older server took it from its own clock.
   */
  isByServersClock: boolean;
}

/**
 * The last digits of the nanoseconds of a trigger. A clock that counts microseconds, or tenths of them, never ends with
 * them.
 */
const triggerDigits = 4_711;
const triggerTimesPerSecond = 100_000;

/**
 * A random time within a second, by which a caller tells its firing from those of others who trigger in the same
 * second.
 */
export function timeOfTriggerIn(second: number): FiringTime {
  return { second, nanos: randomInt(triggerTimesPerSecond) * 10_000 + triggerDigits };
}

const secondLength = '2026-11-27T08:00:00Z'.length;

/** The recent firings of a schedule. */
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
