import type { Client } from '@temporalio/client';
import { mean } from './statistics.ts';

/** The load of executions on their Temporal server, per execution. */
export interface ExecutionFigures {
  events: number;
  stateTransitions: number;
  /**
   * Actions that Temporal Cloud bills, counted from the history. Heartbeats and queries leave no trace there, so they
   * are missing.
   */
  actions: number;
}

/** Means over the executions with these ids. */
export async function readExecutionFigures(client: Client, workflowIds: readonly string[]): Promise<ExecutionFigures> {
  const all: ExecutionFigures[] = [];
  for (const workflowId of workflowIds) all.push(await readOne(client, workflowId));
  return {
    events: mean(all.map(({ events }) => events)),
    stateTransitions: mean(all.map(({ stateTransitions }) => stateTransitions)),
    actions: mean(all.map(({ actions }) => actions)),
  };
}

async function readOne(client: Client, workflowId: string): Promise<ExecutionFigures> {
  const handle = client.workflow.getHandle(workflowId);
  const [{ events }, { raw }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
  let actions = 0;
  for (const event of events ?? []) {
    const isBillable =
      event.workflowExecutionStartedEventAttributes ??
      event.activityTaskScheduledEventAttributes ??
      event.timerStartedEventAttributes ??
      event.workflowExecutionSignaledEventAttributes ??
      event.workflowExecutionUpdateAcceptedEventAttributes ??
      event.upsertWorkflowSearchAttributesEventAttributes;
    if (isBillable) actions += 1;
    actions += Math.max(0, (event.activityTaskStartedEventAttributes?.attempt ?? 1) - 1);
  }
  return {
    events: events?.length ?? 0,
    stateTransitions: Number(raw.workflowExecutionInfo?.stateTransitionCount ?? 0),
    actions,
  };
}
