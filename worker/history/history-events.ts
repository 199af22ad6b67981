import type { WorkflowHandle } from '@temporalio/client';
import type { Activities } from '../../domain/activities.ts';
import { isJsonObject } from '../../domain/json.ts';

/** An event of a run, as the server returns it. */
export type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/** The activity type that sends an order. */
export const submitType = 'submitRequest' satisfies keyof Activities;

/**
 * Whether the last heartbeat of a submit says that nothing was sent. A missing heartbeat proves nothing: every attempt
 * that reserves first reports that it has sent nothing, so a missing report was removed, as an operator may do
 * (`temporal activity unpause --reset-heartbeats`).
 */
export function saysUnsent(lastHeartbeat: unknown): boolean {
  return isJsonObject(lastHeartbeat) && lastHeartbeat['stage'] === 'not_sent';
}

/** Identifies the activity that an event closes by the id of the event that scheduled it. */
export function closedBy(event: HistoryEvent): string {
  const end =
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes;
  return String(end?.scheduledEventId);
}
