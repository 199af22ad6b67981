import { type Client, isGrpcServiceError } from '@temporalio/client';

const notFound = 5;
const pageSize = 100;

/** A run as Temporal lists it, without its memo: that may be encrypted with keys that are not here. */
export interface PlainRun {
  workflowId: string;
  runId: string;
  /** First run of its chain; missing in lists. */
  firstRunId: string | undefined;
  isRunning: boolean;
  isCompleted: boolean;
  startedAt: Date;
}

type RawRun = Awaited<ReturnType<Client['workflowService']['listWorkflowExecutions']>>['executions'][number];

/** A run of a workflow id, the newest unless told otherwise; undefined where Temporal has none. */
export async function describePlainRun(client: Client, workflowId: string, runId = ''): Promise<PlainRun | undefined> {
  const request = { namespace: client.options.namespace, execution: { workflowId, runId } };
  try {
    const { workflowExecutionInfo } = await client.workflowService.describeWorkflowExecution(request);
    return workflowExecutionInfo ? toPlainRun(workflowExecutionInfo) : undefined;
  } catch (error) {
    const code: number | undefined = isGrpcServiceError(error) ? error.code : undefined;
    if (code === notFound) return undefined;
    throw error;
  }
}

/** Every run that a query finds. */
export async function* listPlainRuns(client: Client, query: string): AsyncGenerator<PlainRun, void, undefined> {
  const { namespace } = client.options;
  let nextPageToken: Uint8Array = new Uint8Array();
  do {
    const page = await client.workflowService.listWorkflowExecutions({ namespace, query, pageSize, nextPageToken });
    yield* page.executions.map(toPlainRun);
    ({ nextPageToken } = page);
  } while (nextPageToken.length > 0);
}

/** As Temporal numbers them on the wire. */
const statusCodes = { running: 1, completed: 2 } as const;

function toPlainRun({ execution, firstRunId, status, startTime }: RawRun): PlainRun {
  const code: number = status ?? 0;
  return {
    workflowId: execution?.workflowId ?? '',
    runId: execution?.runId ?? '',
    firstRunId: firstRunId ? firstRunId : undefined,
    isRunning: code === statusCodes.running,
    isCompleted: code === statusCodes.completed,
    startedAt: new Date(Number(startTime?.seconds ?? 0) * 1_000 + Math.floor((startTime?.nanos ?? 0) / 1_000_000)),
  };
}
