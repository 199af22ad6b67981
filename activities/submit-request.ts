import { activityInfo, getClient, heartbeat, log, metricMeter } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type {
  AcceptedSubmit,
  Activities,
  ActivityFailureDetails,
  SubmitHeartbeat,
  SubmitOrder,
} from '../domain/activities.ts';
import { secondsPerReadOf, workKeyOf } from '../domain/waiting.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';
import type { ActivityDeps } from './activity-deps.ts';
import { shortestTimerMs } from './read-status.ts';
import { failure, toApplicationFailure } from './to-application-failure.ts';

/** A quick POST needs no heartbeat; a slow one must be told from a dead worker within the heartbeat timeout of 10 s. */
const beatEveryMs = 3_000;

/** Within the heartbeat timeout: later the server refuses the attempt anyway. */
const acknowledgeWithinMs = 8_000;

/**
 * `POST /models/{id}`: the paid order. Checks the input, has the server acknowledge that the order is about to be sent
 * (so that a worker that dies before can be told from one that dies after), sends it once, and makes sure that the
 * request id outlives this process.
 */
export function createSubmitRequest(deps: ActivityDeps): Activities['submitRequest'] {
  return async (order) => {
    const warnings = await prepare(deps, order).catch((error: unknown) => {
      if (error instanceof ApplicationFailure) throw error;
      throw notSent('the order could not be prepared', error);
    });
    return await send(deps, order, warnings);
  };
}

/** Everything that can be known before money is at stake. */
async function prepare(deps: ActivityDeps, { model, input, retryOfRunId }: SubmitOrder): Promise<string[]> {
  const { issues, warnings } = await deps.validator.validate(model, input);
  if (issues.length > 0) {
    const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ');
    const message = `the input does not fit ${model}, nothing was sent: ${list}`;
    throw failure('InvalidInput', 'submit', message, { submission: 'not_sent', issues });
  }
  const execution = activityInfo().workflowExecution;
  if (retryOfRunId !== undefined && execution) {
    await deps.checkNewerRuns(execution.workflowId, execution.runId, retryOfRunId);
  }
  return warnings;
}

async function send(deps: ActivityDeps, order: SubmitOrder, warnings: string[]): Promise<AcceptedSubmit> {
  const { runcomfy, searchAttributes, recentBalance, keepRequestId, waiting } = deps;
  const { model, input, firstExecutionRunId } = order;
  const { taskToken, workflowExecution } = activityInfo();
  const workflowId = workflowExecution?.workflowId ?? '';
  const workKey = workKeyOf(model, input);
  const balanceBefore = recentBalance();
  const beat: SubmitHeartbeat = {
    stage: 'sending',
    at: new Date().toISOString(),
    searchAttributes: searchAttributes(),
    ...(balanceBefore && { balanceBefore }),
  };
  try {
    const client = getClient();
    await client.withDeadline(Date.now() + acknowledgeWithinMs, () => client.activity.heartbeat(taskToken, beat));
  } catch (error) {
    // Also how a workflow that no longer wants this attempt (cancelled, timed out) stops it before anything is sent.
    heartbeat({ stage: 'not_sent', at: beat.at } satisfies SubmitHeartbeat);
    throw notSent('Temporal did not acknowledge that the order is about to be sent', error);
  }
  const beats = { hasSent: false };
  const beating = setInterval(() => {
    beats.hasSent = true;
    heartbeat(beat);
  }, beatEveryMs);
  try {
    const { requestId } = await runcomfy.submit(model, input);
    const submittedAt = new Date().toISOString();
    log.info('order accepted', { model, requestId });
    const accepted: SubmitHeartbeat = { ...beat, stage: 'accepted', requestId };
    clearInterval(beating);
    // A beat that is still held back must not overwrite the id.
    if (beats.hasSent) heartbeat(accepted);
    await keepRequestId({ taskToken, workflowId, firstExecutionRunId, requestId, beat: accepted });
    const secondsPerRead = secondsPerReadOf(order.waiting);
    const nextReadInMs = waiting.nextReadInMs({ model, workKey, waited: 0, secondsPerRead });
    return {
      requestId,
      submittedAt,
      nextReadInMs,
      ...(nextReadInMs < shortestTimerMs && { isNextReadSoon: true }),
      workKey,
      searchAttributes: searchAttributes(),
      ...(warnings.length > 0 && { warnings }),
    };
  } catch (error) {
    throw judge(error, beat);
  } finally {
    clearInterval(beating);
  }
}

function notSent(what: string, error: unknown): ApplicationFailure {
  const message = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  return failure('ServiceUnavailable', 'submit', message, { submission: 'not_sent' });
}

function judge(error: unknown, beat: SubmitHeartbeat): Error {
  const isUnknown = !isRunComfyError(error) || error.type === 'SubmitOutcomeUnknown';
  const evidence: ActivityFailureDetails = {
    sentAt: beat.at,
    ...(beat.balanceBefore && { balanceBefore: beat.balanceBefore }),
    ...(beat.searchAttributes && { searchAttributes: beat.searchAttributes }),
  };
  // The next attempt starts from "nothing sent"; rides on the report of this failure.
  if (!isUnknown) heartbeat({ stage: 'not_sent', at: new Date().toISOString() } satisfies SubmitHeartbeat);
  metricMeter.createCounter('runcomfy_submit_failures', '{submit}', 'Submits that failed, by failure type').add(1, {
    type: isRunComfyError(error) ? error.type : 'SubmitOutcomeUnknown',
  });
  return toApplicationFailure(error, 'submit', isUnknown ? { submission: 'unknown', ...evidence } : {});
}
