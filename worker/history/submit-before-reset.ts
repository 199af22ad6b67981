import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { SubmitBeforeReset } from '../../activities/index.ts';
import { decodePayload } from '../../client/operator/index.ts';
import { isFailureType } from '../../domain/failure-type.ts';
import { isJsonObject } from '../../domain/json.ts';
import { messageNames } from '../../domain/names.ts';
import { isRequestId } from '../../domain/request.ts';
import { closedBy, type HistoryEvent, saysUnsent, submitType } from './history-events.ts';
import { listRunsOfKey } from './newer-runs.ts';

/** A run of a generation that was reset. */
interface Run {
  workflowId: string;
  runId: string;
  firstExecutionRunId: string;
}

/** Together with the checks that follow, shorter than the heartbeat timeout of a submit (10 s). */
const lookWithinMs = 4_000;

/**
 * Finds out from the histories of the runs before a reset what they did with the order. The run that goes on shares the
 * beginning of those histories but knows nothing of what came later. Resolves to `nothing` if this run was not reset,
 * or has been told since the reset. Rejects if Temporal cannot be asked.
 */
export async function submitBeforeReset(client: Client, run: Run): Promise<SubmitBeforeReset> {
  return await client.withDeadline(Date.now() + lookWithinMs, async () => {
    const own = await readEvents(client, run.workflowId, run.runId);
    const started = own?.[0]?.workflowExecutionStartedEventAttributes;
    if (own === undefined || started?.originalExecutionRunId === run.runId) return { kind: 'nothing' };
    const others = await otherRuns(client, run, own);
    const found = await Promise.all(others.map((runId) => submitOf(client, { ...run, runId }, own)));
    const accepted = found.find(({ kind }) => kind === 'accepted');
    if (accepted) return accepted;
    const unknown = found.find(({ kind }) => kind === 'unknown');
    return unknown === undefined || hasBeenTold(own) ? { kind: 'nothing' } : unknown;
  });
}

/**
 * The runs that resets started from, and all other runs of the key, since one reset may have ended what another began.
 */
async function otherRuns(client: Client, run: Run, own: readonly HistoryEvent[]): Promise<string[]> {
  const bases = own.flatMap(({ workflowTaskFailedEventAttributes: failed }) => failed?.baseRunId || []);
  const listed = await listRunsOfKey(client, run.workflowId, run.runId, run.firstExecutionRunId);
  const all = new Set([...bases, run.firstExecutionRunId, ...listed.map(({ runId }) => runId)]);
  all.delete(run.runId);
  return [...all];
}

/** What another run did with the order in the events that it does not share with the run that goes on. */
async function submitOf(client: Client, run: Run, own: readonly HistoryEvent[]): Promise<SubmitBeforeReset> {
  const events = await readEvents(client, run.workflowId, run.runId);
  // Temporal no longer keeps the run, so nothing is proven.
  if (events === undefined) return { kind: 'unknown' };
  const started = events[0]?.workflowExecutionStartedEventAttributes;
  if (started?.firstExecutionRunId !== run.firstExecutionRunId) return { kind: 'nothing' };
  const shared = new Set(own.map(identityOf));
  const further = events.filter((event) => !shared.has(identityOf(event)));
  const open = new Map<string, HistoryEvent>();
  let unknown: SubmitBeforeReset | undefined;
  for (const event of events) {
    const { activityTaskScheduledEventAttributes: scheduled } = event;
    if (scheduled?.activityType?.name === submitType) open.set(String(event.eventId), event);
  }
  for (const event of further) {
    const verdict = await verdictOf(client, event, open, run);
    if (verdict?.kind === 'accepted') return verdict;
    unknown ??= verdict?.kind === 'unknown' ? verdict : undefined;
  }
  for (const event of events) if (!further.includes(event)) open.delete(closedBy(event));
  const [stillOpen] = open.values();
  return unknown ?? (stillOpen ? unknownSince(stillOpen) : { kind: 'nothing' });
}

/** What an event says about the submit that it closes, or about a request id that was handed over. */
async function verdictOf(
  client: Client,
  event: HistoryEvent,
  open: Map<string, HistoryEvent>,
  { workflowId, firstExecutionRunId }: Run,
): Promise<SubmitBeforeReset | undefined> {
  const signaled = event.workflowExecutionSignaledEventAttributes;
  if (signaled?.signalName === messageNames.requestAccepted) {
    const accepted = await decodePayload(client, signaled.input?.payloads?.[0], { workflowId });
    const isOurs = isJsonObject(accepted) && accepted['firstExecutionRunId'] === firstExecutionRunId;
    return isOurs ? acceptedIn(accepted) : undefined;
  }
  const id = closedBy(event);
  const submit = open.get(id);
  if (submit === undefined) return undefined;
  open.delete(id);
  const owner = { workflowId, activityId: submit.activityTaskScheduledEventAttributes?.activityId };
  const { activityTaskCompletedEventAttributes: completed, activityTaskTimedOutEventAttributes: timedOut } = event;
  if (completed) {
    return acceptedIn(await decodePayload(client, completed.result?.payloads?.[0], owner)) ?? unknownSince(submit);
  }
  if (timedOut) {
    const payload = timedOut.failure?.timeoutFailureInfo?.lastHeartbeatDetails?.payloads?.[0];
    if (!payload) return undefined;
    const lastHeartbeat = await decodePayload(client, payload, owner);
    return saysUnsent(lastHeartbeat) ? undefined : (acceptedIn(lastHeartbeat) ?? unknownSince(submit));
  }
  const type = event.activityTaskFailedEventAttributes?.failure?.applicationFailureInfo?.type;
  const isUnknown =
    event.activityTaskFailedEventAttributes && (!isFailureType(type) || type === 'SubmitOutcomeUnknown');
  return isUnknown ? unknownSince(submit) : undefined;
}

/**
 * Whether this run has learned since the reset that the order may have been accepted. If so, what follows is a
 * deliberate decision.
 */
function hasBeenTold(own: readonly HistoryEvent[]): boolean {
  const resetAt = own.findLastIndex(({ workflowTaskFailedEventAttributes: failed }) => failed?.baseRunId);
  return own.slice(resetAt + 1).some(({ activityTaskFailedEventAttributes: failed }) => {
    const { applicationFailureInfo, resetWorkflowFailureInfo } = failed?.failure ?? {};
    return applicationFailureInfo?.type === 'SubmitOutcomeUnknown' || resetWorkflowFailureInfo;
  });
}

/** Identifies an event across runs: a reset copies the events that two runs share. */
function identityOf({ eventId, eventTime }: HistoryEvent): string {
  return `${String(eventId)} ${String(eventTime?.seconds)} ${String(eventTime?.nanos)}`;
}

function acceptedIn(report: unknown): SubmitBeforeReset | undefined {
  if (!isJsonObject(report) || !isRequestId(report['requestId'])) return undefined;
  const at = report['submittedAt'] ?? report['at'];
  const acceptedAt = typeof at === 'string' && !Number.isNaN(Date.parse(at)) ? at : new Date().toISOString();
  return { kind: 'accepted', requestId: report['requestId'], acceptedAt };
}

function unknownSince({ eventTime }: HistoryEvent): SubmitBeforeReset {
  return { kind: 'unknown', sentAt: new Date(Number(eventTime?.seconds ?? 0) * 1_000).toISOString() };
}

async function readEvents(client: Client, workflowId: string, runId: string): Promise<HistoryEvent[] | undefined> {
  try {
    return (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
