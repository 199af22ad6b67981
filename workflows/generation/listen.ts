import { ApplicationFailure, CancellationScope, condition, setHandler, workflowInfo } from '@temporalio/workflow';
import type { SubmissionResolution } from '../../domain/generation.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { isRequestId } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { boundedReads } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { requestCancel } from './cancellation.ts';
import { noteFurtherRequest } from './further-request.ts';
import type { Generation } from './memory.ts';
import {
  cancelSignal,
  cancelUpdate,
  nudgeSignal,
  requestAcceptedSignal,
  resolveSubmissionUpdate,
  stateQuery,
  watchSignal,
} from './messages.ts';
import { noteWatched } from './next-read.ts';
import { countReads } from './sightings.ts';
import { noteSearchAttributes } from './visibility.ts';
import { noteDecision, noteHandedOver, noteWorkflowCancellation, wishRead } from './wishes.ts';

/**
 * Time after which a read in progress is taken to wait for its next GET rather than for an answer, in milliseconds: a
 * nudge then restarts it.
 */
const stuckReadMs = 2_000;

const maxReasonLength = 1_000;

/**
 * Registers the handlers. Anyone may send messages: payloads may be absent or junk, and no handler may throw for that.
 */
export function listen(generation: Generation): void {
  const { state, wishes, plan, open } = generation;
  setHandler(stateQuery, () => state);
  setHandler(cancelSignal, (payload) => {
    requestCancel(generation, reasonIn(payload));
  });
  setHandler(cancelUpdate, async (payload) => {
    requestCancel(generation, reasonIn(payload));
    await answered(() => !wishes.isCancelDue || open.hasEnded);
    return { outcome: state.cancel?.outcome ?? 'too_late', phase: state.phase };
  });
  setHandler(nudgeSignal, () => {
    const { readSince } = plan;
    const isStuck = readSince !== undefined && Date.now() - readSince > stuckReadMs;
    wishRead(generation, isStuck || (readSince !== undefined && state.nextReadAt !== undefined));
  });
  setHandler(watchSignal, () => {
    noteWatched(generation);
  });
  setHandler(requestAcceptedSignal, (payload: unknown) => {
    if (!isJsonObject(payload) || !isRequestId(payload['requestId'])) return;
    if (payload['firstExecutionRunId'] !== workflowInfo().firstExecutionRunId) return;
    handOver(generation, payload['requestId']);
  });
  setHandler(resolveSubmissionUpdate, (payload) => resolveSubmission(generation, payload), {
    validator: (payload: unknown) => {
      checkResolution(generation, payload);
    },
  });
  CancellationScope.current().cancelRequested.catch(() => {
    noteWorkflowCancellation(generation);
    requestCancel(generation, undefined);
  });
}

/** Waits even if the workflow is cancelled meanwhile, so that the caller gets an answer all the same. */
async function answered(isDone: () => boolean): Promise<void> {
  await CancellationScope.nonCancellable(() => condition(isDone));
}

function handOver(generation: Generation, requestId: string): void {
  const { state, open } = generation;
  if (state.requestId === undefined && !open.hasEnded && noteHandedOver(generation, requestId)) return;
  noteFurtherRequest(generation, requestId);
}

async function resolveSubmission(generation: Generation, resolution: SubmissionResolution) {
  const { state, facts, shown, open } = generation;
  if (resolution.action === 'adopt') {
    try {
      const question = { model: state.model, requestId: resolution.requestId, input: facts.request.input };
      const answer = await boundedReads.checkAdoption(question);
      countReads(generation, answer.reads);
      if (shown.searchAttributes.length === 0) noteSearchAttributes(generation, answer);
    } catch (error) {
      const { type, message, details } = readActivityError(error);
      throw ApplicationFailure.create({
        type: type ?? 'ServiceUnavailable',
        message,
        nonRetryable: true,
        details: [details],
      });
    }
    checkResolution(generation, resolution);
  }
  const decision = noteDecision(generation, resolution);
  const isEnding = resolution.action === 'abandon';
  await answered(() => open.hasEnded || (decision.isAnswered && (!isEnding || decision.refusal !== undefined)));
  if (decision.refusal !== undefined) throw refusal(decision.refusal);
  return withoutUndefined({ phase: state.phase, requestId: state.requestId, failure: state.failure?.type });
}

/** Throws unless there is something to resolve and the resolution is one of the three. */
function checkResolution(generation: Generation, payload: unknown): void {
  const { phase, cancel } = generation.state;
  if (phase !== 'submission_unknown' || generation.open.hasEnded || generation.wishes.decision !== undefined) {
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
  return typeof reason === 'string' ? cutText(reason, maxReasonLength) : undefined;
}
