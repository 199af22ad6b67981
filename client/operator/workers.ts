import type { Client, WorkflowService } from '@temporalio/client';
import { submitTaskQueue } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { describeRun } from '../generation/run-info.ts';

/** What a task queue is polled for. */
export type TaskQueueKind = 'workflow' | 'activity';

/** A worker that has polled recently. */
export interface Poller {
  identity: string;
  lastSeenAt: Date;
  /** `deployment.build`, for a worker with Worker Versioning. */
  version?: string;
}

/** The pollers and versions of a task queue, as the server knows them. */
export interface AttendedQueue {
  /** The workers that have polled within the last five minutes. */
  pollers: Poller[];
  /** The worker version that gets new work; missing for workers without versioning. */
  currentVersion?: string;
  /** The worker version that gets a share of the new work, next to the current one. */
  ramping?: { version: string; percentage: number };
}

type TaskQueueType = NonNullable<
  Exclude<Parameters<WorkflowService['describeTaskQueue']>[0], Uint8Array>['taskQueueType']
>;

/** The enum's values on the wire; the enum itself is in a package that ES modules cannot import from. */
const taskQueueTypes = { workflow: 1, activity: 2 } as unknown as Record<TaskQueueKind, TaskQueueType>;
const versionedMode = 2;

/** Who polls a task queue, and which worker versions it is served by. */
export async function describeQueue(client: Client, taskQueue: string, kind: TaskQueueKind): Promise<AttendedQueue> {
  const { namespace } = client.options;
  const question = { namespace, taskQueue: { name: taskQueue }, taskQueueType: taskQueueTypes[kind] };
  const { pollers, versioningInfo } = await withClientErrors('', () =>
    client.workflowService.describeTaskQueue(question),
  );
  const { currentDeploymentVersion: current, rampingDeploymentVersion: ramping } = versioningInfo ?? {};
  const percentage = versioningInfo?.rampingVersionPercentage ?? 0;
  return {
    pollers: pollers.map(({ identity, lastAccessTime, deploymentOptions }) => ({
      identity: identity ?? '',
      lastSeenAt: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000),
      ...(deploymentOptions &&
        deploymentOptions.workerVersioningMode?.valueOf() === versionedMode && {
          version: versionName(deploymentOptions),
        }),
    })),
    ...(current && { currentVersion: versionName(current) }),
    ...(ramping && percentage > 0 && { ramping: { version: versionName(ramping), percentage } }),
  };
}

/** The workers that have polled a task queue within the last five minutes. */
export async function listPollers(client: Client, taskQueue: string, kind: TaskQueueKind): Promise<Poller[]> {
  return (await describeQueue(client, taskQueue, kind)).pollers;
}

/**
 * The task queues of an open generation that nobody polls: that of its workflows and reads, and that of its submits. A
 * worker that stopped less than five minutes ago may still be counted.
 */
export async function findUnattendedQueues(client: Client, key: string): Promise<string[]> {
  const { taskQueue, status } = await withClientErrors(key, () => describeRun(client, key));
  if (status !== 'running') return [];
  const queues: [string, TaskQueueKind][] = [
    [taskQueue, 'workflow'],
    [taskQueue, 'activity'],
    [submitTaskQueue(taskQueue), 'activity'],
  ];
  const counts = await Promise.all(
    queues.map(async ([name, kind]) => ({ name, pollers: await listPollers(client, name, kind) })),
  );
  return [...new Set(counts.filter(({ pollers }) => pollers.length === 0).map(({ name }) => name))];
}

function versionName({ deploymentName, buildId }: { deploymentName?: string | null; buildId?: string | null }): string {
  return `${deploymentName ?? ''}.${buildId ?? ''}`;
}
