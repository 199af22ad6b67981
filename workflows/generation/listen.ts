import { ApplicationFailure, CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import type { SubmissionResolution } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { isRequestId } from '../../domain/request.ts';
import { boundedReads } from '../activity-options.ts';
import { requestCancel } from './cancellation.ts';
import { reasonOf } from './ending.ts';
import {
  cancelSignal,
  cancelUpdate,
  nudgeSignal,
  requestAcceptedSignal,
  resolveSubmissionUpdate,
  stateQuery,
} from './messages.ts';
import type { Order } from './order.ts';
import { noteFurtherRequest } from './submission.ts';

/** A read that has gone on for this long waits for a next one, not for an answer: a nudge starts it anew. */
const stuckReadMs = 2_000;

/** Takes messages from anyone: payloads may be absent or junk, and no handler may throw by accident. */
export function listen(order: Order): void {
  setHandler(stateQuery, () => order.state);
  setHandler(cancelSignal, (payload) => {
    requestCancel(order, reasonIn(payload));
  });
  setHandler(cancelUpdate, async (payload) => {
    requestCancel(order, reasonIn(payload));
    await answered(() => !order.isCancelDue || order.hasEnded);
    return { outcome: order.state.cancel?.outcome ?? 'too_late', phase: order.state.phase };
  });
  setHandler(nudgeSignal, () => {
    order.isNudged = true;
    if (order.readSince === undefined) return;
    const isWaiting = order.state.nextReadAt !== undefined || Date.now() - order.readSince > stuckReadMs;
    if (isWaiting) order.interrupt?.();
  });
  setHandler(requestAcceptedSignal, (payload: unknown) => {
    if (!isJsonObject(payload) || !isRequestId(payload['requestId'])) return;
    if (payload['firstExecutionRunId'] !== workflowInfo().firstExecutionRunId) return;
    handOver(order, payload['requestId']);
  });
  setHandler(resolveSubmissionUpdate, (payload) => resolveSubmission(order, payload), {
    validator: (payload: unknown) => {
      checkResolution(order, payload);
    },
  });
  CancellationScope.current().cancelRequested.catch(() => {
    order.isWorkflowCancelled = true;
    requestCancel(order, undefined);
  });
}

/** Waits although the workflow is cancelled meanwhile: whoever asked gets an answer all the same. */
async function answered(isDone: () => boolean): Promise<void> {
  await CancellationScope.nonCancellable(() => condition(isDone));
}

function handOver(order: Order, requestId: string): void {
  if (order.state.requestId === undefined && !order.hasEnded) {
    order.handedOverRequestId ??= requestId;
    if (order.handedOverRequestId === requestId) return;
  }
  noteFurtherRequest(order, requestId);
}

async function resolveSubmission(order: Order, resolution: SubmissionResolution) {
  const { state } = order;
  if (resolution.action === 'adopt') {
    try {
      const question = { model: state.model, requestId: resolution.requestId, input: order.request.input };
      const answer = await boundedReads.checkAdoption(question);
      state.reads += answer.reads;
      if (order.searchAttributes.length === 0) order.searchAttributes = answer.searchAttributes;
    } catch (error) {
      const { type, message, details } = reasonOf(error);
      throw ApplicationFailure.create({
        type: type ?? 'ServiceUnavailable',
        message,
        nonRetryable: true,
        details: [details],
      });
    }
    checkResolution(order, resolution);
  }
  order.resolution = resolution;
  await answered(() => order.resolution === undefined || order.hasEnded);
  return { phase: state.phase, ...(state.requestId !== undefined && { requestId: state.requestId }) };
}

/** Throws unless there is something to resolve and the resolution is one of the three. */
function checkResolution(order: Order, payload: unknown): void {
  const { phase, cancel } = order.state;
  if (phase !== 'submission_unknown' || order.hasEnded || order.resolution !== undefined) {
    throw refusal(`nothing to resolve: the submission is not unknown (phase ${phase})`);
  }
  const action = isJsonObject(payload) ? payload['action'] : undefined;
  if (action === 'adopt' && isJsonObject(payload) && isRequestId(payload['requestId'])) return;
  if (action === 'adopt')
    throw refusal('adopt needs the request id of the RunComfy request to take over: { action, requestId }');
  if (action === 'resubmit' && cancel)
    throw refusal('a cancel was asked for, so the order is not sent again; adopt or abandon');
  if (action !== 'resubmit' && action !== 'abandon') {
    throw refusal('expected { action: "adopt", requestId } or { action: "resubmit" } or { action: "abandon" }');
  }
}

function refusal(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true });
}

function reasonIn(payload: unknown): string | undefined {
  const reason = isJsonObject(payload) ? payload['reason'] : undefined;
  return typeof reason === 'string' ? reason.slice(0, 1_000) : undefined;
}
