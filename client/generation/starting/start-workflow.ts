import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import {
  type ConnectionLike,
  WorkflowClient,
  type WorkflowService,
  type WorkflowStartOptions,
} from '@temporalio/client';

/** A start and whether it made a new run or found one that is running. */
export interface Started {
  runId: string;
  isNew: boolean;
}

const calls = new AsyncLocalStorage<{ requestId: string }>();

/**
 * Carries out a call, and repetitions of it, so that what any of them starts was started by all: an attempt whose answer was
 * lost is known to Temporal by the id that each of them gives.
 */
export function asOneCall<T>(call: () => Promise<T>): Promise<T> {
  return calls.run({ requestId: randomUUID() }, call);
}

/** What starts a workflow; one that cannot tell whether the run is new says no, and the run is looked at. */
export type Starter = (workflowType: string, options: WorkflowStartOptions) => Promise<Started>;

/**
 * Starts a workflow and tells whether this very call did. The server says so in its reply, the SDK drops it: so the
 * reply is overheard on a connection of its own, which shares the caller's channel, codecs and interceptors.
 */
export async function startWorkflow(
  client: WorkflowClient,
  workflowType: string,
  options: WorkflowStartOptions,
): Promise<Started> {
  let isNew = false;
  const { connection } = client;
  const { workflowService } = connection;
  const startWorkflowExecution = async (
    request: Parameters<WorkflowService['startWorkflowExecution']>[0],
  ): ReturnType<WorkflowService['startWorkflowExecution']> => {
    const response = await workflowService.startWorkflowExecution({ ...request, ...calls.getStore() });
    isNew = response.started;
    return response;
  };
  const overheard = Object.create(connection, {
    workflowService: {
      value: Object.create(workflowService, {
        startWorkflowExecution: { value: startWorkflowExecution },
      }) as WorkflowService,
    },
  }) as ConnectionLike;
  const overhearing = new WorkflowClient({
    ...client.options,
    connection: overheard,
  });
  const handle = await overhearing.start(workflowType, options);
  return { runId: handle.firstExecutionRunId, isNew };
}
