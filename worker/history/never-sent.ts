import type { Client, WorkflowService } from '@temporalio/client';
import { decodePayload } from '../../client/operator/index.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { isJsonObject } from '../../domain/json.ts';
import { generationWorkflowType, messageNames } from '../../domain/names.ts';
import { type HistoryEvent, saysUnsent, submitType } from './history-events.ts';
import { isOnlyRunOfKey } from './newer-runs.ts';

type Described = Awaited<ReturnType<WorkflowService['describeWorkflowExecution']>>;
type PayloadList = { payloads?: Parameters<typeof decodePayload>[1][] | null } | null | undefined;
type Decode = (list: PayloadList, activityId?: string) => Promise<unknown>;

/**
 * Bound on the history that is read. An order that was never sent has only waited, so a longer history proves nothing.
 */
const maxPages = 20;

const freeTypes = new Set<unknown>([submitType, 'checkWebhook']);
/** Messages that give an order a request id other than by its own submit. */
const decidingMessages = new Set<unknown>([messageNames.requestAccepted, messageNames.resolveSubmission]);

/** Events of a run that send nothing by themselves; activities and messages are checked further. */
const harmless = new Set([
  'workflowTaskScheduled',
  'workflowTaskStarted',
  'workflowTaskCompleted',
  'workflowTaskTimedOut',
  'workflowTaskFailed',
  'activityTaskScheduled',
  'activityTaskStarted',
  'activityTaskCompleted',
  'activityTaskFailed',
  'activityTaskTimedOut',
  'activityTaskCancelRequested',
  'timerStarted',
  'timerFired',
  'timerCanceled',
  'markerRecorded',
  'workflowExecutionSignaled',
  'workflowExecutionUpdateAccepted',
  'workflowExecutionUpdateCompleted',
  'workflowExecutionCancelRequested',
  'upsertWorkflowSearchAttributes',
  'workflowPropertiesModified',
]);

/**
 * Whether a run that was ended from outside provably sent nothing for the order behind a reservation. For that, the run
 * must be the only one of its key, have begun before the reservation, and have at least one submit. Each submit must
 * say that it sent nothing, by its failure or by its last heartbeat: a submit sends only after Temporal has
 * acknowledged a heartbeat about it, and Temporal takes none once the run is closed. A run that was reset, retried,
 * continued as new or given a request id proves nothing, and neither does a history that cannot be read.
 */
export async function wasNeverSent(client: Client, key: string, reservedAt: number): Promise<boolean> {
  const { namespace } = client.options;
  const described = await client.workflowService.describeWorkflowExecution({
    namespace,
    execution: { workflowId: key, runId: '' },
  });
  // The last heartbeat of an open run is not final.
  if (!described.workflowExecutionInfo?.closeTime) return false;
  const runId = described.workflowExecutionInfo.execution?.runId ?? '';
  const decode: Decode = (list, activityId) =>
    decodePayload(client, list?.payloads?.[0], { workflowId: key, activityId });
  const reading = createReading(runId, reservedAt, decode);
  let nextPageToken: Uint8Array = new Uint8Array();
  for (let page = 0; page < maxPages; page += 1) {
    const execution = { workflowId: key, runId };
    const reply = await client.workflowService.getWorkflowExecutionHistory({ namespace, execution, nextPageToken });
    for (const event of reply.history?.events ?? []) if (!(await reading.take(event))) return false;
    ({ nextPageToken } = reply);
    if (nextPageToken.length === 0) {
      return (await reading.isUnsent(described)) && (await isOnlyRunOfKey(client, key, runId));
    }
  }
  return false;
}

/** Reads a history event by event. `take` resolves to false as soon as something may have been sent. */
function createReading(runId: string, reservedAt: number, decode: Decode) {
  const open = new Map<string, string>();
  let events = 0;
  let submits = 0;
  let isEnded = false;

  async function take(event: HistoryEvent): Promise<boolean> {
    events += 1;
    if (isEnded) return false;
    if (events === 1) return await isOwnStart(event, runId, reservedAt, decode);
    const { workflowExecutionTimedOutEventAttributes: timedOut } = event;
    if (event.workflowExecutionTerminatedEventAttributes ?? timedOut) {
      isEnded = true;
      return !timedOut?.newExecutionRunId;
    }
    if (!harmless.has(kindOf(event)) || isTold(event)) return false;
    const { activityTaskScheduledEventAttributes: scheduled } = event;
    const type = scheduled?.activityType?.name;
    if (scheduled && !freeTypes.has(type)) return false;
    if (scheduled && type === submitType) {
      submits += 1;
      open.set(String(event.eventId), scheduled.activityId ?? '');
    }
    return await isEndOfNothing(event, open, decode);
  }

  return {
    take,
    async isUnsent({ pendingActivities }: Described): Promise<boolean> {
      // Only a submit makes reservations.
      if (!isEnded || submits === 0) return false;
      for (const activityId of open.values()) {
        const pending = pendingActivities.find((activity) => activity.activityId === activityId);
        if (!pending || !saysUnsent(await decode(pending.heartbeatDetails, activityId))) return false;
      }
      return true;
    },
  };
}

async function isOwnStart(event: HistoryEvent, runId: string, reservedAt: number, decode: Decode): Promise<boolean> {
  const started = event.workflowExecutionStartedEventAttributes;
  if (!started || started.workflowType?.name !== generationWorkflowType) return false;
  const isFirst =
    started.firstExecutionRunId === runId &&
    started.originalExecutionRunId === runId &&
    !started.continuedExecutionRunId &&
    started.attempt === 1;
  // Both times are the server's.
  if (!isFirst || msOf(event) >= reservedAt || started.input?.payloads?.length !== 1) return false;
  const request = await decode(started.input);
  return isJsonObject(request) && (request['requestId'] ?? undefined) === undefined;
}

function isTold(event: HistoryEvent): boolean {
  const { workflowExecutionSignaledEventAttributes: signaled } = event;
  const update = event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name;
  return decidingMessages.has(signaled?.signalName) || decidingMessages.has(update);
}

/** Whether an event that ends a submit says that nothing was sent. Also true for an event that ends no submit. */
async function isEndOfNothing(event: HistoryEvent, open: Map<string, string>, decode: Decode): Promise<boolean> {
  const { activityTaskFailedEventAttributes: failed, activityTaskTimedOutEventAttributes: timedOut } = event;
  const end = failed ?? timedOut ?? event.activityTaskCompletedEventAttributes;
  const activityId = open.get(String(end?.scheduledEventId));
  if (!end || !open.delete(String(end.scheduledEventId))) return true;
  if (timedOut) return saysUnsent(await decode(timedOut.failure?.timeoutFailureInfo?.lastHeartbeatDetails, activityId));
  const details = await decode(failed?.failure?.applicationFailureInfo?.details, activityId);
  return isJsonObject(details) && isUnbilled(details['submission']) && details['isReset'] !== true;
}

function kindOf(event: HistoryEvent): string {
  const suffix = 'EventAttributes';
  const [name = ''] = Object.entries(event).flatMap(([field, value]: [string, unknown]) =>
    field.endsWith(suffix) && value ? [field] : [],
  );
  return name.slice(0, -suffix.length);
}

/** Rounded up: within one millisecond, the order of two events is not known. */
function msOf({ eventTime }: HistoryEvent): number {
  return eventTime ? Number(eventTime.seconds) * 1_000 + Math.ceil((eventTime.nanos ?? 0) / 1_000_000) : Infinity;
}
