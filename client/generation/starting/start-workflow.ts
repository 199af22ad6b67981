import {
  type Client,
  type ConnectionLike,
  WorkflowClient,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowService,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { startOfCall } from '../one-call.ts';

/** A started run, and whether this call made it or found it running. */
export interface Started {
  runId: string;
  isNew: boolean;
}

/** Starts a workflow. If it cannot tell whether the run is new it says no, and callers look at the run. */
export type Starter = (workflowType: string, options: WorkflowStartOptions) => Promise<Started>;

/**
 * Starts a workflow and tells whether this very call did. The server says so in its reply, but the SDK drops it. So the
 * reply is read on a derived connection, which shares the caller's channel, codecs and interceptors.
 *
 * `requestId` identifies the start: if the key's last run was started with the same id, Temporal returns that run, even
 * if it has ended.
 */
export async function startWorkflow(
  client: WorkflowClient,
  workflowType: string,
  options: WorkflowStartOptions,
  requestId?: string,
): Promise<Started> {
  let isNew = false;
  const { connection } = client;
  const { workflowService } = connection;
  const startWorkflowExecution = async (
    request: Parameters<WorkflowService['startWorkflowExecution']>[0],
  ): ReturnType<WorkflowService['startWorkflowExecution']> => {
    const response = await workflowService.startWorkflowExecution({
      ...request,
      ...(requestId === undefined ? startOfCall() : { requestId }),
    });
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

/**
 * Starts a workflow, or finds the run that has its key; undefined if that run has ended and the policy does not allow
 * another.
 */
export async function startUnlessEnded(
  client: Client,
  workflowType: string,
  options: WorkflowStartOptions,
  requestId?: string,
): Promise<Started | undefined> {
  const attaching = { ...options, workflowIdConflictPolicy: 'USE_EXISTING' } as const;
  try {
    return await startWorkflow(client.workflow, workflowType, attaching, requestId);
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    throw error;
  }
}
