import { ActivityFailure, condition, log, patched, TimeoutFailure, workflowInfo } from '@temporalio/workflow';
import type { AcceptedSubmit, RecalledSubmit, SubmitHeartbeat, SubmitOrder } from '../../domain/activities.ts';
import type { BudgetGrant } from '../../domain/budget/budget.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { scheduledByAttribute } from '../../domain/names.ts';
import { legacyLocalChecks, recalls, submitActivities } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { stepCancel } from './cancellation.ts';
import { cancelledEnd, endByActivity, endOf } from './endings.ts';
import { forgetLatest, noteFurtherRequest } from './further-request.ts';
import type { Generation } from './memory.ts';
import { planRead, waitingOf } from './next-read.ts';
import { openSubmit } from './open-work.ts';
import { noteGrants } from './settle-budgets.ts';
import { noteAccepted, noteSubmission, warn } from './sightings.ts';
import { noteHoldOver } from './tell-webhook.ts';
import {
  enterUnknown,
  noteResubmitted,
  noteUnknown,
  resolveUnknown,
  type UnknownSubmit,
} from './unknown-submission.ts';
import { enterPhase, noteModelKnown, noteSearchAttributes } from './visibility.ts';
import { passWall, waitAtWall, wallWords } from './wall.ts';
import { interruptible, takeHandedOver, urgentWish, wishCancel } from './wishes.ts';

/** A request id, and the rest of RunComfy's reply if the id came with it. */
type Reply = Pick<AcceptedSubmit, 'requestId'> & Partial<AcceptedSubmit>;

/** The outcome of one POST once nobody works on it any more. */
type Attempt =
  | { kind: 'accepted'; reply: Reply }
  | { kind: 'not_sent' }
  /** `isReset`: an earlier POST of this order may have been accepted. */
  | { kind: 'refused'; error: unknown; submission: 'not_sent' | 'refused'; isReset: boolean }
  | ({ kind: 'unknown' } & UnknownSubmit);

/** Submits the order at most once per decision, and returns the request id; every other end is thrown. */
export async function submit(generation: Generation): Promise<string> {
  const { state, facts, doubt } = generation;
  if (
    facts.selfStartedBy !== undefined &&
    state.requestId === undefined &&
    patched('self-started-runs-do-not-submit')
  ) {
    passWall(generation);
    noteUnknown(generation, {
      mayTurnUp: true,
      message: `Temporal started this run by itself, by ${facts.selfStartedBy}; an earlier run may have submitted the order, so this one does not`,
      details: {},
    });
  }
  while (state.requestId === undefined) {
    if (state.phase === 'submission_unknown') {
      const found = await resolveUnknown(generation);
      noteHoldOver(generation);
      if (found !== undefined) accept(generation, { requestId: found });
      continue;
    }
    const attempt = await attemptSubmit(generation);
    switch (attempt.kind) {
      case 'accepted':
        if (attempt.reply.isOfEarlierSubmit) forgetLatest(generation);
        accept(generation, attempt.reply);
        break;
      case 'refused': {
        if (attempt.isReset) noteResubmitted(generation);
        if (!(await waitAtWall(generation, attempt.error))) {
          forgetLatest(generation);
          throw endByActivity(generation, attempt.error, doubt.hasResubmitted ? 'unknown' : attempt.submission);
        }
        const found = takeHandedOver(generation);
        if (found === undefined) stopUnsent(generation);
        else {
          forgetLatest(generation);
          accept(generation, { requestId: found });
        }
        break;
      }
      case 'not_sent':
        stopUnsent(generation);
        break;
      case 'unknown':
        passWall(generation);
        noteUnknown(generation, attempt);
        break;
    }
  }
  return state.requestId;
}

/** Runs one submit activity. An id that is handed over meanwhile wins over an answer that may never come. */
async function attemptSubmit(generation: Generation): Promise<Attempt> {
  const { state, facts, wishes, doubt } = generation;
  let attempt: Attempt | undefined;
  let isLeftBehind = false;
  const open = openSubmit(generation);
  const order: SubmitOrder = {
    model: state.model,
    input: facts.request.input,
    firstExecutionRunId: workflowInfo().firstExecutionRunId,
    deadlineAt: state.deadlineAt,
    ...withoutUndefined({
      waiting: waitingOf(generation),
      maxPriceUsd: facts.request.maxPriceUsd,
      maxCostUsd: facts.request.maxCostUsd,
      budgets: facts.request.budgets,
      sentBefore: doubt.unnamed > 0 ? doubt.unnamed : undefined,
      retryOfRunId: facts.retryOfRunId,
    }),
    ...(isScheduled() && { isScheduled: true }),
  };
  noteGrants(generation, undefined);
  void interruptible(generation, () => submitActivities().submitRequest(order))
    .then(
      (reply): Attempt | Promise<Attempt> => {
        noteGrants(generation, reply?.grants);
        if (reply !== undefined) return { kind: 'accepted', reply };
        return recallStopped(generation, order.firstExecutionRunId);
      },
      (error: unknown): Attempt | Promise<Attempt> => {
        noteGrants(generation, grantsIn(error));
        const failed = attemptThatFailed(error);
        if (failed.kind !== 'not_sent' || !patched('resets-may-hide-a-submit')) return failed;
        return recallStopped(generation, order.firstExecutionRunId);
      },
    )
    .then((outcome) => {
      open.close();
      attempt = outcome;
      if (!isLeftBehind) return;
      const isAccepted = outcome.kind === 'accepted';
      if (isAccepted ? outcome.reply.isOfEarlierSubmit : outcome.kind !== 'unknown') forgetLatest(generation);
      if (isAccepted) noteFurtherRequest(generation, outcome.reply.requestId);
    });
  await condition(() => attempt !== undefined || wishes.handedOverRequestId !== undefined);
  if (attempt !== undefined) return attempt;
  isLeftBehind = true;
  wishes.interrupt?.();
  const requestId = takeHandedOver(generation);
  return requestId === undefined ? { kind: 'not_sent' } : { kind: 'accepted', reply: { requestId } };
}

/** Whether a schedule, ours or not, started this run; the server marks such runs. */
function isScheduled(): boolean {
  return workflowInfo()
    .typedSearchAttributes.getAll()
    .some(({ key }) => key.name === scheduledByAttribute);
}

/**
 * The outcome of a submit that was stopped before or between its attempts, or whose last attempt sent nothing. It
 * counts as not sent if that is proven. An accepted attempt is never repeated, but a run that was reset does not know
 * of the previous run's submit, which another machine's disk may remember.
 */
async function recallStopped(generation: Generation, firstExecutionRunId: string): Promise<Attempt> {
  if (!patched('stopped-submits-are-recalled')) return { kind: 'not_sent' };
  const isProofNeeded = patched('resets-may-hide-a-submit');
  const { requestId, submittedAt, isReset } = await recall(generation, firstExecutionRunId, isProofNeeded);
  if (requestId !== undefined) return { kind: 'accepted', reply: withoutUndefined({ requestId, submittedAt }) };
  if (!isProofNeeded || isReset === false) return { kind: 'not_sent' };
  const reason = isReset
    ? 'the run was reset to before its submit, and the worker that was asked knows of no request'
    : 'no worker could tell whether an earlier run had submitted the order';
  const message = `${reason}; look at the account's generations before ordering again`;
  return { kind: 'unknown', mayTurnUp: false, message, details: {} };
}

/** Asks a worker of the queue of submits, else one of the workflow's own queue. Empty if neither answers. */
async function recall({ state }: Generation, firstExecutionRunId: string, isProofNeeded: boolean) {
  const unanswered = (error: unknown): RecalledSubmit => {
    const reason = readActivityError(error).message;
    log.warn('it could not be recalled whether the stopped submit was accepted', { model: state.model, reason });
    return {};
  };
  const recalled = await recalls().recallSubmit({ firstExecutionRunId }).catch(unanswered);
  if (!isProofNeeded || recalled.requestId !== undefined || recalled.isReset !== undefined) return recalled;
  // After a local activity, a replay may go on before it has seen the patches and messages of that task.
  const isLocal = !patched('recalls-at-hand-are-no-local-activities');
  const atHand = isLocal ? legacyLocalChecks : recalls(workflowInfo().taskQueue);
  return await atHand.recallSubmit({ firstExecutionRunId }).catch(unanswered);
}

/** What the budgets had granted to an attempt that failed or was lost. */
function grantsIn(error: unknown): BudgetGrant[] | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof TimeoutFailure ? lastHeartbeatOf(cause)?.grants : readActivityError(error).details.grants;
}

function attemptThatFailed(error: unknown): Attempt {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) return attemptThatWasLost(cause);
  const { type, message, details } = readActivityError(error);
  switch (type) {
    case 'SubmitOutcomeUnknown':
      return { kind: 'unknown', mayTurnUp: details.mayBeHandedOver === true, message, details };
    case undefined:
      return { kind: 'unknown', mayTurnUp: true, message, details };
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
    case 'BudgetExceeded':
    case 'PriceUnknown':
    case 'PipelineFailed':
    case 'PipelineCancelled':
    case 'PipelineTimedOut':
      // If our own check refused it, it was not even sent.
      return {
        kind: 'refused',
        error,
        submission: details.submission === 'not_sent' ? 'not_sent' : 'refused',
        isReset: details.isReset === true,
      };
  }
}

/** The outcome of an attempt whose worker is gone or silent: its last heartbeat says how far it had come. */
function attemptThatWasLost(timeout: TimeoutFailure): Attempt {
  const lastHeartbeat = lastHeartbeatOf(timeout);
  if (lastHeartbeat?.requestId !== undefined) {
    const { requestId, priceUsd } = lastHeartbeat;
    return { kind: 'accepted', reply: withoutUndefined({ requestId, priceUsd }) };
  }
  if (lastHeartbeat?.stage !== 'sending') return { kind: 'not_sent' };
  const message =
    "the worker was lost after it had begun to send the order; look at the account's generations before ordering again";
  const { at: sentAt, balanceBefore, searchAttributes, searchAttributesAsOf, priceUsd } = lastHeartbeat;
  const details = withoutUndefined({ sentAt, balanceBefore, searchAttributes, searchAttributesAsOf, priceUsd });
  return { kind: 'unknown', mayTurnUp: true, message, details };
}

function lastHeartbeatOf({ lastHeartbeatDetails }: TimeoutFailure): SubmitHeartbeat | undefined {
  return isJsonObject(lastHeartbeatDetails) ? (lastHeartbeatDetails as unknown as SubmitHeartbeat) : undefined;
}

/** Takes a request id as the order's own. */
function accept(generation: Generation, reply: Reply): void {
  const { state } = generation;
  passWall(generation);
  state.requestId = reply.requestId;
  noteSubmission(generation, 'accepted');
  noteAccepted(generation, reply);
  planRead(generation, reply);
  noteSearchAttributes(generation, reply);
  // An id that somebody named proves nothing about the model.
  if (reply.submittedAt !== undefined) noteModelKnown(generation);
  warn(generation, ...(reply.warnings ?? []));
  if (state.cancel?.outcome === 'unknown') {
    stepCancel(generation, 'asked');
    wishCancel(generation);
  }
  enterPhase(generation, 'in_queue', 'now');
}

/** This attempt sent nothing: ends the generation if a cancel or the deadline is why, else another attempt follows. */
function stopUnsent(generation: Generation): void {
  const wish = urgentWish(generation);
  if (wish === undefined) return;
  if (generation.doubt.hasResubmitted) {
    forgetLatest(generation);
    enterUnknown(generation);
    return;
  }
  if (wish === 'cancel') {
    stepCancel(generation, 'unsent');
    throw cancelledEnd(generation, `cancelled before ${unlessAtWall(generation, 'anything was sent to RunComfy')}`);
  }
  throw endOf(generation, {
    type: 'GenerationTimedOut',
    phase: 'timed_out',
    message: `the deadline passed before ${unlessAtWall(generation, 'the order could be sent to RunComfy')}`,
  });
}

function unlessAtWall({ state: { wall } }: Generation, otherwise: string): string {
  return wall ? `RunComfy took the order: ${wallWords(wall)}` : otherwise;
}
