import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, WorkflowService } from '@temporalio/client';
import { grpcReasonOf } from '../../domain/grpc-reason.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { submitTaskQueue } from '../../domain/names.ts';
import { cutText } from '../../domain/text.ts';
import { withClientErrors } from '../convert-errors.ts';
import { GenerationError } from '../errors.ts';
import { grpcCode, grpcCodeOf } from '../grpc.ts';

/** How the submits of a task queue are limited, over all of its workers, according to Temporal. */
export interface SubmitFlow {
  /** The task queue of the submits: `<queue>-submit`. */
  taskQueue: string;
  /** No order is submitted; those that were submitted before go on. */
  isPaused: boolean;
  pausedSince?: string;
  pausedBy?: string;
  reason?: string;
  /** Submits per second over all workers; missing if nothing but the server's own limit applies. */
  perSecond?: number;
  /**
   * Orders that wait for a worker, or for the end of the pause; those waiting for a retry after a refusal are not
   * counted.
   */
  waiting: number;
  /**
   * The server splits a limit over this many partitions of the queue: above 1, a low limit is not fully used and the
   * order of submits is lost.
   */
  partitions: number;
}

/**
 * Pauses the submits of a task queue by a rate limit of zero. Workers go on reading, and still submit the orders that
 * they had already been given. Pausing again renews the reason.
 */
export function pauseSubmits(client: Client, taskQueue: string, reason = ''): Promise<SubmitFlow> {
  return withClientErrors('', async () => {
    const { limit, paused } = limitOf(await storedConfig(client, taskQueue));
    const former = paused === undefined ? limit : paused.formerLimit;
    return setLimit(client, taskQueue, 0, pauseNote(former, reason));
  });
}

/** Resumes the submits of a task queue, at the limit that an operator had set before, if any. */
export function resumeSubmits(client: Client, taskQueue: string): Promise<SubmitFlow> {
  return withClientErrors('', async () => {
    const { limit, paused, note } = limitOf(await storedConfig(client, taskQueue));
    // Written even if no pause is known: another call may be setting one.
    if (paused === undefined) return setLimit(client, taskQueue, limit, note);
    return setLimit(client, taskQueue, paused.formerLimit, 'resumed by runcomfy-temporal');
  });
}

/** How the submits of a task queue are limited. */
export function readSubmits(client: Client, taskQueue: string): Promise<SubmitFlow> {
  return withClientErrors('', async () => readFlow(client, taskQueue, await describe(client, taskQueue)));
}

type Description = Awaited<ReturnType<WorkflowService['describeTaskQueue']>>;
type Config = Description['config'];
type TaskQueueType = NonNullable<Parameters<WorkflowService['describeTaskQueue']>[0]['taskQueueType']>;

/** The enum's value on the wire; the enum itself is in a package that ES modules cannot import from. */
const activityQueue = 2 as unknown as TaskQueueType;

const maxReasonLength = 500;
const noteStart = 'paused by runcomfy-temporal';
const notePattern = /^paused by runcomfy-temporal(?:, limit before: (?<limit>[\d.e+-]+)\/s)?(?:: (?<reason>.*))?$/su;

/**
 * The text stored with the limit. It is all that Temporal keeps beside the limit, so it holds the limit to return to.
 */
function pauseNote(formerLimit: number | undefined, reason: string): string {
  const before = formerLimit === undefined ? '' : `, limit before: ${String(formerLimit)}/s`;
  return `${noteStart}${before}${reason === '' ? '' : `: ${cutText(reason, maxReasonLength)}`}`;
}

/** The limit that was set by an operator. Zero pauses all submits, whoever set it. */
function limitOf(config: Config) {
  const { rateLimit, metadata } = config?.queueRateLimit ?? {};
  // Protobuf omits zero on the wire.
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
  return { limit, paused, note: metadata?.reason ?? '' };
}

async function readFlow(client: Client, taskQueue: string, description: Description): Promise<SubmitFlow> {
  const name = submitTaskQueue(taskQueue);
  const { namespace } = client.options;
  const partitions = await client.workflowService.listTaskQueuePartitions({ namespace, taskQueue: { name } });
  const { limit, paused } = limitOf(description.config);
  // The limit in effect follows the stored one with a short delay.
  const { source, perSecond: effective } = effectOf(description);
  const isPaused = isKept(description) ? paused !== undefined : source === limitBy.setting && effective === 0;
  const perSecond =
    paused === undefined ? (limit ?? (source === limitBy.workers ? effective : undefined)) : paused.formerLimit;
  const pause = isPaused ? paused : undefined;
  return withoutUndefined({
    taskQueue: name,
    isPaused,
    pausedSince: pause?.since,
    pausedBy: pause?.by || undefined,
    reason: pause?.reason || undefined,
    perSecond,
    waiting: Number(description.stats?.approximateBacklogCount ?? 0),
    partitions: partitions.activityTaskQueuePartitions.length,
  });
}

/** The source of the limit in effect, as the server reports it; older servers report none. */
const limitBy = { nobodyKnown: 0, setting: 1, workers: 2 } as const;

function effectOf({ effectiveRateLimit }: Description) {
  const { rateLimitSource, requestsPerSecond } = effectiveRateLimit ?? {};
  return { source: rateLimitSource?.valueOf() ?? limitBy.nobodyKnown, perSecond: requestsPerSecond ?? 0 };
}

function describe(client: Client, taskQueue: string): Promise<Description> {
  const { namespace } = client.options;
  const question = { namespace, taskQueue: { name: submitTaskQueue(taskQueue) }, taskQueueType: activityQueue };
  return client.workflowService.describeTaskQueue({ ...question, reportConfig: true, reportStats: true });
}

/** The part of a request that changes settings of the submits' task queue. */
function settingsOf({ options }: Client, taskQueue: string) {
  const { namespace, identity } = options;
  return { namespace, identity, taskQueue: submitTaskQueue(taskQueue), taskQueueType: activityQueue };
}

/**
 * The stored settings, as returned by an update that changes nothing: the update is answered by the part of the server
 * that stores them.
 */
async function storedConfig(client: Client, taskQueue: string): Promise<Config> {
  try {
    return (await client.workflowService.updateTaskQueueConfig(settingsOf(client, taskQueue))).config;
  } catch {
    // A server may refuse an empty update; any other trouble shows in the next calls.
    return (await describe(client, taskQueue)).config;
  }
}

/** Sets the limit, and returns once the server enforces it. */
async function setLimit(
  client: Client,
  taskQueue: string,
  limit: number | undefined,
  reason: string,
): Promise<SubmitFlow> {
  const updateQueueRateLimit = { ...(limit !== undefined && { rateLimit: { requestsPerSecond: limit } }), reason };
  const request = { ...settingsOf(client, taskQueue), updateQueueRateLimit };
  try {
    const { config } = await client.workflowService.updateTaskQueueConfig(request);
    return await untilKept(client, taskQueue, config?.queueRateLimit?.metadata?.updateTime);
  } catch (error) {
    if (grpcCodeOf(error) !== grpcCode.unimplemented) throw error;
    const message = `this Temporal server cannot limit the task queue "${request.taskQueue}": stop the workers to stop its orders, or update the server`;
    throw new GenerationError({ type: 'TemporalUnreachable', message, cause: error });
  }
}

const keptWithinMs = 30_000;
const lookEveryMs = 50;

type Time = NonNullable<NonNullable<NonNullable<Config>['queueRateLimit']>['metadata']>['updateTime'];

/**
 * Waits until the new limit is in effect: the part of the server that dispatches tasks learns of it later than the part
 * that stores it.
 */
async function untilKept(client: Client, taskQueue: string, setAt: Time): Promise<SubmitFlow> {
  const giveUpAt = performance.now() + keptWithinMs;
  for (;;) {
    let cause: unknown;
    try {
      const description = await describe(client, taskQueue);
      const isHeard = !isBefore(description.config?.queueRateLimit?.metadata?.updateTime, setAt);
      if (isHeard && isKept(description)) return await readFlow(client, taskQueue, description);
    } catch (error) {
      // The limit is stored; a failed read does not change that.
      cause = error;
    }
    if (performance.now() > giveUpAt) {
      const what =
        cause === undefined ? 'does not keep to it' : `cannot tell whether it keeps to it (${grpcReasonOf(cause)})`;
      const message = `Temporal has stored the limit of the task queue "${submitTaskQueue(taskQueue)}" and ${what} after ${String(keptWithinMs / 1_000)} s: see how orders go out, and set it again`;
      throw new GenerationError({ type: 'TemporalBusy', message, cause });
    }
    await sleep(lookEveryMs);
  }
}

/** Whether the limit in effect agrees with the stored one on whether orders are submitted at all. */
function isKept(description: Description): boolean {
  const { limit } = limitOf(description.config);
  const { source, perSecond } = effectOf(description);
  if (source === limitBy.nobodyKnown) return true;
  return limit === undefined ? source !== limitBy.setting : (limit === 0) === (perSecond === 0);
}

function isBefore(time: Time, other: Time): boolean {
  const seconds = Number(time?.seconds ?? 0) - Number(other?.seconds ?? 0);
  return seconds < 0 || (seconds === 0 && (time?.nanos ?? 0) < (other?.nanos ?? 0));
}
