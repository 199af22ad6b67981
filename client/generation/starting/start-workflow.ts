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
 *
 * `requestId`: what is started is known by it, whoever starts it: where the last run of the key was started by the same,
 * that is the one, though it has ended.
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

/** Starts a workflow, or finds the run that has its key; undefined where one has ended and the policy allows no other. */
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
