import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../domain/activities.ts';
import { isJsonObject } from '../../domain/json.ts';

/** An event of a run, as Temporal's server tells it. */
export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** Type of the activity that sends an order. */
export const submitType = 'submitRequest' satisfies keyof Activities;

/**
 * Whether the last heartbeat of a submit says that nothing was sent. Silence says nothing: an attempt that has reserved has
 * told before that it had sent nothing, and what is told no more was taken away, as an operator may (`temporal activity
 * unpause --reset-heartbeats`).
 */
export function saysUnsent(lastHeartbeat: unknown): boolean {
  return isJsonObject(lastHeartbeat) && lastHeartbeat['stage'] === 'not_sent';
}

/** The activity that an event closes, by the number of the event that scheduled it. */
export function closedBy(event: HistoryEvent): string {
  const end =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  return String(end?.scheduledEventId);
}
