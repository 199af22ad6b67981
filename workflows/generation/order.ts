import { CancellationScope, condition, isCancellation, workflowInfo } from '@temporalio/workflow';
import type { RequestStatus, StatusReading } from '../../domain/activities.ts';
import type { GenerationRequest, GenerationState, InputIssue, SubmissionResolution } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { retryOfRunMemoKey } from '../../domain/names.ts';
import { deadlineMsOf, inputUrlsOf, parseGenerationRequest } from '../../domain/request.ts';
import type { Observation } from '../../domain/timings.ts';

/** What a continued run is handed by the run before it: everything but messages, which are all handled by then. */
export interface CarriedOrder {
  state: GenerationState;
  seen: Partial<Observation>;
  searchAttributes: string[];
  /** The search attributes as last set. */
  published: Record<string, string | number>;
  inputUrls: string[];
  hasResubmitted: boolean;
  isCancelDue: boolean;
  isWorkflowCancelled: boolean;
  /** Since when the request is known, ISO 8601. */
  followedSince?: string;
  lastStatus?: RequestStatus;
  workKey?: string;
  /** Why the submission is unknown, in words. */
  unknownBecause?: string;
}

/** The memory of one generation. Handlers of messages only note wishes in it; the main path acts on them. */
export interface Order extends CarriedOrder {
  key: string;
  request: GenerationRequest;
  issues: InputIssue[];
  nextReadInMs: number;
  /** The next read is so close that its activity waits for it, without a timer. */
  isNextReadSoon: boolean;
  /** How long this work took need not be kept for learning. */
  isKnownWell: boolean;
  isDeadlinePassed: boolean;
  isNudged: boolean;
  hasEnded: boolean;
  /** POSTs whose outcome is still awaited. */
  openSubmits: number;
  /** Side work (stopping a second bill, evidence) that must end before the workflow does. */
  openErrands: number;
  retryOfRunId?: string;
  handedOverRequestId?: string;
  resolution?: SubmissionResolution;
  /** Cuts short what is being waited for, if it may be. */
  interrupt?: (() => void) | undefined;
  readSince?: number | undefined;
}

/** Opens the order from the workflow's argument, which any service may have sent, and from what an earlier run carried. */
export function openOrder(argument: unknown, carried: CarriedOrder | undefined): Order {
  const parsed = parseGenerationRequest(argument);
  const request: GenerationRequest = parsed.ok ? parsed.request : { model: parsed.model, input: {} };
  const now = Date.now();
  const state: GenerationState = {
    phase: 'submitting',
    model: request.model,
    submission: 'not_sent',
    reads: 0,
    deadlineAt: new Date(now + deadlineMsOf(request)).toISOString(),
  };
  if (request.requestId !== undefined) {
    Object.assign(state, { phase: 'in_queue', submission: 'accepted', requestId: request.requestId });
  }
  const order: Order = {
    state,
    seen: {},
    searchAttributes: [],
    published: {},
    inputUrls: inputUrlsOf(request.input),
    hasResubmitted: false,
    isCancelDue: false,
    isWorkflowCancelled: false,
    followedSince: new Date(now).toISOString(),
    ...(workflowInfo().continuedFromExecutionRunId === undefined ? {} : carried),
    key: workflowInfo().workflowId,
    request,
    issues: parsed.ok ? [] : parsed.issues,
    nextReadInMs: 0,
    isNextReadSoon: false,
    isKnownWell: false,
    isDeadlinePassed: false,
    isNudged: false,
    hasEnded: false,
    openSubmits: 0,
    openErrands: 0,
  };
  const { memo } = workflowInfo();
  const retryOfRunId = isJsonObject(memo) ? memo[retryOfRunMemoKey] : undefined;
  if (typeof retryOfRunId === 'string') order.retryOfRunId = retryOfRunId;
  return order;
}

/** What the next run needs. */
export function carry(order: Order): CarriedOrder {
  const { state, seen, searchAttributes, published, inputUrls, hasResubmitted, isCancelDue, isWorkflowCancelled } =
    order;
  return {
    state,
    seen,
    searchAttributes,
    published,
    inputUrls,
    hasResubmitted,
    isCancelDue,
    isWorkflowCancelled,
    ...(order.followedSince !== undefined && { followedSince: order.followedSince }),
    ...(order.lastStatus && { lastStatus: order.lastStatus }),
    ...(order.workKey !== undefined && { workKey: order.workKey }),
    ...(order.unknownBecause !== undefined && { unknownBecause: order.unknownBecause }),
  };
}

/** Waits for `run` unless a cancel or the deadline cuts in; then its answer, if it still had one, else undefined. */
export async function interruptible<T>(order: Order, run: () => Promise<T>): Promise<T | undefined> {
  if (isInterrupted(order)) return undefined;
  const scope = new CancellationScope({ cancellable: true, parent: CancellationScope.current() });
  const interrupt = () => {
    scope.cancel();
  };
  order.interrupt = interrupt;
  try {
    return await scope.run(run);
  } catch (error) {
    if (scope.consideredCancelled && isCancellation(error)) return undefined;
    throw error;
  } finally {
    if (order.interrupt === interrupt) order.interrupt = undefined;
  }
}

/** Until the next read: on a durable timer, or left to its activity, unless something more urgent comes in. */
export async function pause(order: Order): Promise<void> {
  const { state, nextReadInMs: ms } = order;
  if (ms > 0 && !isInterrupted(order) && !order.isNudged) {
    state.nextReadAt = new Date(Date.now() + ms).toISOString();
    if (!order.isNextReadSoon) {
      await condition(() => isInterrupted(order) || order.isNudged, ms);
      delete state.nextReadAt;
    }
  }
  order.isNudged = false;
}

function isInterrupted(order: Order): boolean {
  return order.isCancelDue || order.isDeadlinePassed;
}

/** Takes in what a status read saw. */
export function noteReading(
  order: Order,
  reading: Pick<StatusReading, 'status' | 'readAt' | 'reads'> & Partial<StatusReading>,
): void {
  const { state, seen } = order;
  const { status, readAt } = reading;
  state.reads += reading.reads;
  state.readAt = readAt;
  if (reading.readBeforeAt !== undefined) {
    if (order.lastStatus === 'in_queue') seen.lastQueuedAt = reading.readBeforeAt;
    seen.lastUnfinishedAt = reading.readBeforeAt;
  }
  order.lastStatus = status;
  delete state.queuePosition;
  if (reading.queuePosition !== undefined) state.queuePosition = reading.queuePosition;
  if (reading.searchAttributes) order.searchAttributes = reading.searchAttributes;
  if (reading.statusWord !== undefined) {
    warn(order, `RunComfy's status "${reading.statusWord}" is not known here; reading on`);
  }
  switch (status) {
    case 'in_queue':
      seen.lastQueuedAt = readAt;
      seen.lastUnfinishedAt = readAt;
      state.phase = 'in_queue';
      break;
    case 'in_progress':
      seen.startedAt ??= readAt;
      seen.lastUnfinishedAt = readAt;
      state.startedAt ??= readAt;
      state.phase = 'in_progress';
      break;
    case 'finished':
    case 'failed':
      seen.noticedAt ??= readAt;
      state.phase = 'fetching_result';
      break;
    case 'cancelled':
    case 'unrecognized':
      break;
  }
  order.nextReadInMs = reading.nextReadInMs ?? 0;
  order.isNextReadSoon = reading.isNextReadSoon === true;
}

const maxWarnings = 20;

/** Adds a hint to the state, once. */
export function warn(order: Order, ...texts: string[]): void {
  const warnings = (order.state.warnings ??= []);
  for (const text of texts) {
    if (!warnings.includes(text) && warnings.length < maxWarnings) warnings.push(text);
  }
}
