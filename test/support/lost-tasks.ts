import type { History } from './generations.ts';

type Events = NonNullable<History['events']>;

/** Leaves out workflow tasks that timed out because the machine was busy. */
export function withoutLostTasks(events: Events): Events {
  const lost = events.flatMap(({ eventId, workflowTaskTimedOutEventAttributes: timedOut }) =>
    timedOut ? [eventId, timedOut.scheduledEventId, timedOut.startedEventId].map(String) : [],
  );
  return events.filter(({ eventId }) => !lost.includes(String(eventId)));
}

/** The number of lost tasks. Of several lost in a row, Temporal records only the first and then counts attempts. */
export function countLostTasks(events: Events): number {
  return events.reduce((count, event) => {
    const attempt = event.workflowTaskScheduledEventAttributes?.attempt ?? 0;
    return count + (event.workflowTaskTimedOutEventAttributes ? 1 : 0) + Math.max(0, attempt - 2);
  }, 0);
}
