import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { decodePayload, findRun, isClosed, undecodable } from '../../client/operator/index.ts';
import { lateKey } from '../../domain/names.ts';
import type { SpooledRequest } from '../spool/request-spool.ts';
import { closedBy, type HistoryEvent } from './history-events.ts';

/** Bound on the runs that are followed; no generation has as many. */
const maxFollowedRuns = 100;

/** Identifies a namespace across servers: each namespace gets an id of its own when it is created. */
export interface NamespaceIdentity {
  namespace: string;
  namespaceId: string;
}

/** Where a spooled request id belongs. */
export type SpooledPlace =
  /** It belongs to another server or namespace, so this worker cannot hand it over. */
  | { kind: 'elsewhere' }
  /** The generation is open: the id can be handed to this run. */
  | { kind: 'open'; runId: string }
  /** The id is already in the history of the generation, or of `<key>/late`, which collects it. */
  | { kind: 'known' }
  /** The generation ended without the id, or Temporal no longer keeps it. */
  | { kind: 'lost' };

/** Finds out which namespace a client talks to. */
export async function identifyNamespace(client: Client): Promise<NamespaceIdentity> {
  const { namespace } = client.options;
  const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
  return { namespace, namespaceId: namespaceInfo?.id ?? '' };
}

/**
 * Finds the chain of runs that a spooled id belongs to, and whether it already has the id. Another chain under the same
 * workflow id does not count.
 */
export async function locateSpooled(
  client: Client,
  entry: SpooledRequest,
  home: NamespaceIdentity,
): Promise<SpooledPlace> {
  if (entry.namespaceId !== undefined && entry.namespaceId !== home.namespaceId) return { kind: 'elsewhere' };
  const { workflowId, firstExecutionRunId, requestId } = entry;
  const latest = await findRun(client, workflowId);
  const isOurs = latest?.firstRunId === firstExecutionRunId;
  if (isOurs && !isClosed(latest)) return { kind: 'open', runId: latest.runId };
  const runId = isOurs ? latest.runId : firstExecutionRunId;
  const isKnown =
    (await isKnownFrom(client, workflowId, runId, requestId)) || (await isCollectedLate(client, workflowId, requestId));
  return { kind: isKnown ? 'known' : 'lost' };
}

async function isCollectedLate(client: Client, workflowId: string, requestId: string): Promise<boolean> {
  const late = await findRun(client, lateKey(workflowId));
  return late !== undefined && (await isKnownFrom(client, lateKey(workflowId), late.runId, requestId));
}

/** Whether the id appears in the history of a run or of one that follows it. */
async function isKnownFrom(client: Client, workflowId: string, runId: string, requestId: string): Promise<boolean> {
  let next: string | undefined = runId;
  for (let followed = 0; next !== undefined && followed < maxFollowedRuns; followed += 1) {
    const events: HistoryEvent[] = await readEvents(client, workflowId, next);
    const activityIds = new Map<string, string | null | undefined>();
    for (const event of events) {
      const { activityTaskScheduledEventAttributes: scheduled } = event;
      if (scheduled) activityIds.set(String(event.eventId), scheduled.activityId);
      const activityId = scheduled ? scheduled.activityId : activityIds.get(closedBy(event));
      for (const payload of payloadsIn(event)) {
        if (mentions(await decodePayload(client, payload, { workflowId, activityId }), requestId)) return true;
      }
    }
    next = followingRun(events.at(-1));
  }
  return false;
}

async function readEvents(client: Client, workflowId: string, runId: string): Promise<HistoryEvent[]> {
  const history = await client.workflow.getHandle(workflowId, runId).fetchHistory().catch(ignoreNotFound);
  return history?.events ?? [];
}

function followingRun(last: HistoryEvent | undefined): string | undefined {
  const end =
    last?.workflowExecutionContinuedAsNewEventAttributes ??
    last?.workflowExecutionFailedEventAttributes ??
    last?.workflowExecutionTimedOutEventAttributes ??
    last?.workflowExecutionCompletedEventAttributes;
  return end?.newExecutionRunId ? end.newExecutionRunId : undefined;
}

/** Every payload of an event, anywhere in its attributes. */
function* payloadsIn(event: HistoryEvent): Generator<Payload> {
  const open: unknown[] = [event];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue;
    if ('metadata' in value && 'data' in value && value.data instanceof Uint8Array) yield value as Payload;
    else open.push(...(Object.values(value) as unknown[]));
  }
}

/** A value that cannot be decoded here mentions nothing. */
function mentions(value: unknown, requestId: string): boolean {
  return value !== undefined && value !== undecodable && JSON.stringify(value).includes(JSON.stringify(requestId));
}

function ignoreNotFound(error: unknown): undefined {
  if (error instanceof WorkflowNotFoundError) return undefined;
  throw error;
}
