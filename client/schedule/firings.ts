import type { ScheduleDescription } from '@temporalio/client';

/** One thing that a schedule has started. */
interface Firing {
  key: string;
  runId: string;
  /** The second that its key tells; NaN where it tells none. */
  second: number;
  scheduledAtMs: number;
  /** For a time finer than a millisecond, which schedules and this client do not ask for. */
  isByServersClock: boolean;
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
      scheduledAtMs: scheduledAt.getTime(),
      isByServersClock: nanos % 1_000_000 !== 0,
    };
  });
}
