import {
  ActivityFailure,
  condition,
  log,
  metricMeter,
  sleep,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { AcceptedSubmit, ActivityFailureDetails, SubmitHeartbeat } from '../../domain/activities.ts';
import { evidenceNote } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { boundedReads, cancels, submitActivities } from '../activity-options.ts';
import { continueAsNewIfDue, isContinueAsNewDue } from './continue-as-new.ts';
import { cancelledEnd, endByActivity, endOf, publish, reasonOf } from './ending.ts';
import type { Order } from './order.ts';
import { interruptible, warn } from './order.ts';

/** What is known of one POST once nobody works on it any more. */
type Attempt =
  | { kind: 'accepted'; reply: Pick<AcceptedSubmit, 'requestId'> & Partial<AcceptedSubmit> }
  | { kind: 'not_sent' }
  | { kind: 'refused'; error: unknown; submission: 'not_sent' | 'refused' }
  /** `isReported`: the activity itself said so; otherwise its worker may still know better. */
  | { kind: 'unknown'; isReported: boolean; message: string; details: ActivityFailureDetails };

/** Submits the order at most once per decision. Returns once a request id is known; every other end is thrown. */
export async function submit(order: Order): Promise<void> {
  while (order.state.requestId === undefined) {
    if (order.state.phase === 'submission_unknown') {
      await hold(order);
      continue;
    }
    const attempt = await attemptSubmit(order);
    switch (attempt.kind) {
      case 'accepted':
        accept(order, attempt.reply);
        break;
      case 'refused':
        throw endByActivity(order, attempt.error, isSecondSubmit(order) ? 'unknown' : attempt.submission);
      case 'not_sent':
        stopUnsent(order);
        break;
      case 'unknown':
        await faceUnknown(order, attempt);
        break;
    }
  }
}

/** One activity; a handed-over id wins over an answer that may never come. */
async function attemptSubmit(order: Order): Promise<Attempt> {
  let attempt: Attempt | undefined;
  let isLeftBehind = false;
  order.openSubmits += 1;
  const paidOrder = {
    model: order.state.model,
    input: order.request.input,
    firstExecutionRunId: workflowInfo().firstExecutionRunId,
    ...(order.request.waiting && { waiting: order.request.waiting }),
    ...(order.retryOfRunId !== undefined && { retryOfRunId: order.retryOfRunId }),
  };
  void interruptible(order, () => submitActivities().submitRequest(paidOrder))
    .then(
      (reply): Attempt => (reply === undefined ? { kind: 'not_sent' } : { kind: 'accepted', reply }),
      (error: unknown) => judge(error),
    )
    .then((outcome) => {
      order.openSubmits -= 1;
      attempt = outcome;
      if (isLeftBehind && outcome.kind === 'accepted') noteFurtherRequest(order, outcome.reply.requestId);
    });
  await condition(() => attempt !== undefined || order.handedOverRequestId !== undefined);
  if (attempt !== undefined) return attempt;
  isLeftBehind = true;
  order.interrupt?.();
  return handedOver(order) ?? { kind: 'not_sent' };
}

function handedOver(order: Order): Attempt | undefined {
  const requestId = order.handedOverRequestId;
  delete order.handedOverRequestId;
  return requestId === undefined ? undefined : { kind: 'accepted', reply: { requestId } };
}

function judge(error: unknown): Attempt {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) {
    const beat = isJsonObject(cause.lastHeartbeatDetails)
      ? (cause.lastHeartbeatDetails as unknown as SubmitHeartbeat)
      : undefined;
    if (beat?.requestId !== undefined) return { kind: 'accepted', reply: { requestId: beat.requestId } };
    if (beat?.stage !== 'sending') return { kind: 'not_sent' };
    const message =
      "the worker was lost after it had begun to send the order; look at the account's generations before ordering again";
    const { balanceBefore, searchAttributes } = beat;
    const details = {
      sentAt: beat.at,
      ...(balanceBefore && { balanceBefore }),
      ...(searchAttributes && { searchAttributes }),
    };
    return { kind: 'unknown', isReported: false, message, details };
  }
  const { type, message, details } = reasonOf(error);
  switch (type) {
    case 'SubmitOutcomeUnknown':
      return { kind: 'unknown', isReported: true, message, details };
    case undefined:
      return { kind: 'unknown', isReported: false, message, details };
    case 'RateLimited':
    case 'ServiceUnavailable':
      // Only seen once a cancel or the deadline has ended the retries.
      return { kind: 'not_sent' };
    case 'InvalidInput':
    case 'Unauthenticated':
    case 'InsufficientBalance':
    case 'RequestNotFound':
    case 'ProtocolMismatch':
    case 'GenerationFailed':
    case 'GenerationCancelled':
    case 'GenerationTimedOut':
      // Not even sent where our own check refused it.
      return { kind: 'refused', error, submission: details.submission === 'not_sent' ? 'not_sent' : 'refused' };
  }
}

/** Takes a request id as the order's own. */
function accept(order: Order, reply: Pick<AcceptedSubmit, 'requestId'> & Partial<AcceptedSubmit>): void {
  const { state } = order;
  state.requestId = reply.requestId;
  state.submission = 'accepted';
  state.phase = 'in_queue';
  if (reply.submittedAt !== undefined) {
    state.submittedAt = reply.submittedAt;
    order.seen.submittedAt = reply.submittedAt;
  }
  order.followedSince = new Date().toISOString();
  order.nextReadInMs = reply.nextReadInMs ?? 0;
  order.isNextReadSoon = reply.isNextReadSoon === true;
  if (reply.searchAttributes) order.searchAttributes = reply.searchAttributes;
  if (reply.workKey !== undefined) order.workKey = reply.workKey;
  if (reply.warnings) warn(order, ...reply.warnings);
  if (state.cancel?.outcome === 'unknown') {
    delete state.cancel.outcome;
    order.isCancelDue = true;
  }
  publish(order);
}

/** Nothing was sent by this attempt: ends the generation if a cancel or the deadline is why, else another follows. */
function stopUnsent(order: Order): void {
  if (!order.isCancelDue && !order.isDeadlinePassed) return;
  if (isSecondSubmit(order)) {
    enterUnknown(order);
    return;
  }
  if (order.isCancelDue) {
    if (order.state.cancel) order.state.cancel.outcome = 'not_submitted';
    throw cancelledEnd(order, 'cancelled before anything was sent to RunComfy');
  }
  throw endOf(order, {
    type: 'GenerationTimedOut',
    phase: 'timed_out',
    message: 'the deadline passed before the order could be sent to RunComfy',
  });
}

/** An earlier POST of this order may have been accepted, whatever becomes of this one. */
function isSecondSubmit(order: Order): boolean {
  return order.hasResubmitted;
}

function enterUnknown(order: Order): void {
  const { state } = order;
  state.phase = 'submission_unknown';
  state.submission = 'unknown';
  if (state.cancel && state.cancel.outcome === undefined) state.cancel.outcome = 'unknown';
  order.isCancelDue = false;
  publish(order);
}

async function faceUnknown(order: Order, attempt: Extract<Attempt, { kind: 'unknown' }>): Promise<void> {
  const { state, request } = order;
  const { sentAt, balanceBefore, searchAttributes } = attempt.details;
  if (searchAttributes) order.searchAttributes = searchAttributes;
  state.evidence = {
    ...(sentAt !== undefined && { sentAt }),
    ...(balanceBefore && { balanceBefore }),
    note: evidenceNote,
  };
  order.unknownBecause = attempt.message;
  enterUnknown(order);
  log.warn('submission unknown: RunComfy may have accepted the order', { model: state.model, reason: attempt.message });
  metricMeter
    .createCounter('runcomfy_unknown_submissions', '{submission}', 'Submits whose outcome is unknown')
    .add(1, { model: state.model });

  const policy = request.onUnknownSubmission ?? 'hold';
  if (policy === 'hold') return;
  if (!attempt.isReported) await condition(() => order.handedOverRequestId !== undefined, '15 seconds');
  const late = handedOver(order);
  if (late?.kind === 'accepted') {
    accept(order, late.reply);
  } else if (policy === 'fail') {
    throw unknownEnd(order);
  } else if (!order.hasResubmitted && !state.cancel && !order.isDeadlinePassed) {
    submitAgain(order);
  }
}

function submitAgain(order: Order): void {
  order.hasResubmitted = true;
  order.state.phase = 'submitting';
  publish(order);
}

/** Stays open until the id turns up, a person decides, the deadline passes or the workflow is cancelled. */
async function hold(order: Order): Promise<void> {
  const { state } = order;
  if (state.evidence?.balanceAfter === undefined) void completeEvidence(order);
  await condition(
    () =>
      order.handedOverRequestId !== undefined ||
      order.resolution !== undefined ||
      order.isDeadlinePassed ||
      order.isWorkflowCancelled ||
      isContinueAsNewDue(order),
  );
  const late = handedOver(order);
  if (late?.kind === 'accepted') {
    accept(order, late.reply);
    return;
  }
  const { resolution } = order;
  delete order.resolution;
  if (resolution?.action === 'adopt') {
    accept(order, { requestId: resolution.requestId });
  } else if (resolution?.action === 'resubmit') {
    submitAgain(order);
  } else if (resolution?.action === 'abandon' || order.isDeadlinePassed || order.isWorkflowCancelled) {
    throw unknownEnd(order);
  } else {
    await continueAsNewIfDue(order);
  }
}

function unknownEnd(order: Order): Error {
  if (order.isWorkflowCancelled) {
    return cancelledEnd(order, 'cancelled while it was unknown whether RunComfy had accepted the order');
  }
  return endOf(order, {
    type: 'SubmitOutcomeUnknown',
    phase: 'submission_unknown',
    submission: 'unknown',
    message: `it is unknown whether RunComfy accepted the order: ${order.unknownBecause ?? 'no answer came'}`,
  });
}

/** Reads the balance once more, a minute after the submission became unknown; the hold does not wait for it. */
async function completeEvidence(order: Order): Promise<void> {
  const { state } = order;
  await sleep('1 minute');
  if (state.phase !== 'submission_unknown' || order.hasEnded) return;
  const { sentAt, balanceBefore } = state.evidence ?? {};
  try {
    state.evidence = await boundedReads.gatherEvidence({
      model: state.model,
      input: order.request.input,
      ...(sentAt !== undefined && { sentAt }),
      ...(balanceBefore && { balanceBefore }),
    });
  } catch (error) {
    log.warn('no evidence could be gathered for the unknown submission', { reason: reasonOf(error).message });
  }
}

/** A second request turned out to belong to this order: it is kept, stopped if it still waits, and shouted about. */
export function noteFurtherRequest(order: Order, requestId: string): void {
  const { state } = order;
  const others = (state.otherRequestIds ??= []);
  if (requestId === state.requestId || others.includes(requestId)) return;
  others.push(requestId);
  log.error('a further RunComfy request belongs to this order and may be billed', { requestId, model: state.model });
  order.openErrands += 1;
  void cancels
    .cancelRequest({ model: state.model, requestId })
    .catch((error: unknown) => {
      log.error('the further request could not be cancelled', { requestId, reason: reasonOf(error).message });
    })
    .finally(() => {
      order.openErrands -= 1;
    });
}
