import type { Client, WorkflowService } from '@temporalio/client';
import { submitTaskQueue } from '../../domain/names.ts';
import { cutText } from '../../domain/text.ts';
import { named } from '../convert-errors.ts';
import { GenerationError } from '../errors.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';

/** How the orders of all workers of a task queue go out, as Temporal's server holds it. */
export interface SubmitFlow {
  /** The task queue of the submits: `<queue>-submit`. */
  taskQueue: string;
  /** No order is sent; whatever was sent before goes on. */
  isPaused: boolean;
  pausedSince?: string;
  pausedBy?: string;
  reason?: string;
  /** Submits per second over all workers; missing: no limit but the server's own. */
  perSecond?: number;
  /** Orders that wait for a worker, or for the pause to end; those that come back after a refusal are not among them. */
  waiting: number;
  /** The server shares a limit out over its partitions of the queue: above 1 a low limit is not reached, and order is lost. */
  partitions: number;
}

/**
 * Stops all orders of a task queue: its submits get a rate limit of zero. Workers go on reading, and send what they
 * hold already, which is what the last moments gave them. Paused again, the reason is renewed.
 */
export function pauseSubmits(client: Client, taskQueue: string, reason = ''): Promise<SubmitFlow> {
  return named('', async () => {
    const { limit, paused } = await readLimit(client, taskQueue);
    const former = paused === undefined ? limit : paused.formerLimit;
    await setLimit(client, taskQueue, 0, pauseNote(former, reason));
    return readFlow(client, taskQueue);
  });
}

/** Lets the orders of a task queue go again, at the limit that an operator had set before, if any. */
export function resumeSubmits(client: Client, taskQueue: string): Promise<SubmitFlow> {
  return named('', async () => {
    const { limit, paused } = await readLimit(client, taskQueue);
    if (limit === 0) await setLimit(client, taskQueue, paused?.formerLimit, 'resumed by runcomfy-temporal');
    return readFlow(client, taskQueue);
  });
}

/** How the orders of a task queue go out. */
export function readSubmits(client: Client, taskQueue: string): Promise<SubmitFlow> {
  return named('', () => readFlow(client, taskQueue));
}

type Description = Awaited<ReturnType<WorkflowService['describeTaskQueue']>>;
type TaskQueueType = NonNullable<Parameters<WorkflowService['describeTaskQueue']>[0]['taskQueueType']>;

/** The enum's value on the wire; the enum itself is in a package that ES modules cannot import from. */
const activityQueue = 2 as unknown as TaskQueueType;

const maxReasonLength = 500;
const noteStart = 'paused by runcomfy-temporal';
const notePattern = /^paused by runcomfy-temporal(?:, limit before: (?<limit>[\d.e+-]+)\/s)?(?:: (?<reason>.*))?$/su;

/** The note is all that Temporal keeps beside the limit: it says what to go back to. */
function pauseNote(formerLimit: number | undefined, reason: string): string {
  const before = formerLimit === undefined ? '' : `, limit before: ${String(formerLimit)}/s`;
  return `${noteStart}${before}${reason === '' ? '' : `: ${cutText(reason, maxReasonLength)}`}`;
}

/** The limit that was set from outside the workers; zero stops them all, whoever set it. */
async function readLimit(client: Client, taskQueue: string) {
  return limitOf(await describe(client, taskQueue));
}

function limitOf({ config }: Description) {
  const { rateLimit, metadata } = config?.queueRateLimit ?? {};
  // Zero is not written on the wire.
  const limit = rateLimit ? (rateLimit.requestsPerSecond ?? 0) : undefined;
  const note = notePattern.exec(metadata?.reason ?? '')?.groups;
  const former = Number(note?.['limit']);
  const paused =
    limit === 0
      ? {
          formerLimit: former > 0 && Number.isFinite(former) ? former : undefined,
          by: metadata?.updateIdentity ?? '',
          reason: note === undefined ? (metadata?.reason ?? '') : (note['reason'] ?? ''),
          since: new Date(Number(metadata?.updateTime?.seconds ?? 0) * 1_000).toISOString(),
        }
      : undefined;
  return { limit, paused };
}

async function readFlow(client: Client, taskQueue: string): Promise<SubmitFlow> {
  const name = submitTaskQueue(taskQueue);
  const { namespace } = client.options;
  const [description, partitions] = await Promise.all([
    describe(client, taskQueue),
    client.workflowService.listTaskQueuePartitions({ namespace, taskQueue: { name } }),
  ]);
  const { paused } = limitOf(description);
  const { rateLimitSource, requestsPerSecond } = description.effectiveRateLimit ?? {};
  const isLimited = rateLimitSource?.valueOf() !== systemLimit && rateLimitSource?.valueOf() !== 0;
  const perSecond =
    paused === undefined ? (isLimited ? (requestsPerSecond ?? undefined) : undefined) : paused.formerLimit;
  return {
    taskQueue: name,
    isPaused: paused !== undefined,
    ...(paused && { pausedSince: paused.since }),
    ...(paused && paused.by !== '' && { pausedBy: paused.by }),
    ...(paused && paused.reason !== '' && { reason: paused.reason }),
    ...(perSecond !== undefined && { perSecond }),
    waiting: Number(description.stats?.approximateBacklogCount ?? 0),
    partitions: partitions.activityTaskQueuePartitions.length,
  };
}

const systemLimit = 3;

function describe(client: Client, taskQueue: string): Promise<Description> {
  const { namespace } = client.options;
  const question = { namespace, taskQueue: { name: submitTaskQueue(taskQueue) }, taskQueueType: activityQueue };
  return client.workflowService.describeTaskQueue({ ...question, reportConfig: true, reportStats: true });
}

async function setLimit(client: Client, taskQueue: string, limit: number | undefined, reason: string): Promise<void> {
  const { namespace, identity } = client.options;
  const name = submitTaskQueue(taskQueue);
  const updateQueueRateLimit = { ...(limit !== undefined && { rateLimit: { requestsPerSecond: limit } }), reason };
  const request = { namespace, identity, taskQueue: name, taskQueueType: activityQueue, updateQueueRateLimit };
  try {
    await client.workflowService.updateTaskQueueConfig(request);
  } catch (error) {
    if (grpcCodeOf(error) !== grpcCode.unimplemented) throw error;
    const message = `this Temporal server cannot limit the task queue "${name}": stop the workers to stop its orders, or update the server`;
    throw new GenerationError({ type: 'TemporalUnreachable', message, cause: error });
  }
}
