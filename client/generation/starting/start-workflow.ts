import {
  type Client,
  type ConnectionLike,
  WorkflowClient,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowService,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { startOfCall } from '../one-call.ts';

/** A start and whether it made a new run or found one that is running. */
export interface Started {
  runId: string;
  isNew: boolean;
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
    const response = await workflowService.startWorkflowExecution({ ...request, ...startOfCall() });
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

/** Starts a workflow, or finds the run that has its key; undefined where one has ended and the policy allows no other. */
export async function startUnlessEnded(
  client: Client,
  workflowType: string,
  options: WorkflowStartOptions,
): Promise<Started | undefined> {
  try {
    return await startWorkflow(client.workflow, workflowType, { ...options, workflowIdConflictPolicy: 'USE_EXISTING' });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}
