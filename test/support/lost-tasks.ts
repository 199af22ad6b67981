import type { History } from './generations.ts';

type Events = NonNullable<History['events']>;

/** Leaves out the workflow tasks that a busy machine took too long for. */
export function withoutLostTasks(events: Events): Events {
  const lost = events.flatMap(({ eventId, workflowTaskTimedOutEventAttributes: timedOut }) =>
    timedOut ? [eventId, timedOut.scheduledEventId, timedOut.startedEventId].map(String) : [],
  );
  return events.filter(({ eventId }) => !lost.includes(String(eventId)));
}

/** How many there were: of those that are lost one after the other, Temporal writes the first alone, and then counts. */
export function countLostTasks(events: Events): number {
  return events.reduce((count, event) => {
    const attempt = event.workflowTaskScheduledEventAttributes?.attempt ?? 0;
    return count + (event.workflowTaskTimedOutEventAttributes ? 1 : 0) + Math.max(0, attempt - 2);
  }, 0);
}
