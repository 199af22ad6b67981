import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../domain/failure-details.ts';
import {
  type ApprovalDecision,
  type DecisionRefusal,
  isPipelineEnd,
  type PipelineCancelMessage,
  type PipelineCancelReply,
  type PipelinePhase,
} from '../../domain/pipeline/pipeline-run.ts';
import { decideUpdate, pipelineCancelUpdate } from '../../workflows/pipeline/messages.ts';
import { GenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import type { CancelOptions } from '../generation/deciding/cancel-generation.ts';
import { withoutHearing } from '../generation/following/standstill.ts';
import { readEndOf, supersededRun } from '../generation/one-chain.ts';
import { describeRun } from '../generation/run-info.ts';
import { sendUpdate } from '../generation/send-update.ts';
import { sendWish } from '../generation/send-wish.ts';
import { isOutOfTime } from '../grpc.ts';
import { refuseNoPipeline } from './pipeline-errors.ts';
import { readPipelineState } from './read-pipeline-state.ts';

const acceptTimeoutMs = 20_000;
const cancelTimeoutMs = 180_000;
const heardTimeoutMs = 3_000;

/**
 * Decides an approval. Throws `StepNotFound` if the plan has no such step, and `ResolutionRefused` if there is nothing
 * to decide.
 */
export async function decidePipeline(
  client: Client,
  key: string,
  decision: ApprovalDecision,
): Promise<{ phase: PipelinePhase }> {
  checkArgument('decision', typeof decision === 'object', '{ step, decision: "approve" or "reject" }', key);
  const run = await describeRun(client, key);
  refuseNoPipeline(key, run.workflowType);
  const reply = await sendUpdate<{ phase: PipelinePhase }>(
    client,
    key,
    { name: decideUpdate.name, message: decision },
    { takenWithinMs: acceptTimeoutMs, answeredBy: () => performance.now() + acceptTimeoutMs },
  );
  if (reply === 'unattended') throw await withoutHearing(client, key);
  if ('answer' in reply) return reply.answer;
  const { error } = reply;
  if (error instanceof WorkflowUpdateFailedError) {
    const message = `pipeline "${key}": ${error.cause?.message ?? error.message}`;
    throw new GenerationError({ type: typeOf(error.cause), message, key, cause: error });
  }
  if (error instanceof WorkflowNotFoundError) {
    const message = `nothing to decide: pipeline "${key}" has ended`;
    throw new GenerationError({ type: 'ResolutionRefused', message, key, cause: error });
  }
  if (isOutOfTime(error)) throw await withoutHearing(client, key);
  throw error;
}

function typeOf(cause: Error | undefined) {
  if (!(cause instanceof ApplicationFailure)) return 'ServiceUnavailable';
  return readFailureDetails<DecisionRefusal>(cause).unknown === 'step' ? 'StepNotFound' : 'ResolutionRefused';
}

/**
 * Asks every open order of a pipeline to cancel and reports the outcome of each: `unknown` if the request is left for a
 * worker that is not there yet, `too_late` if the pipeline had ended.
 */
export async function cancelPipeline(
  client: Client,
  key: string,
  message: PipelineCancelMessage = {},
  { timeoutMs = cancelTimeoutMs, stateTimeoutMs, isRepeated = false, signal }: CancelOptions = {},
): Promise<PipelineCancelReply> {
  const { reason, detach } = message;
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  checkArgument('detach', detach === undefined || typeof detach === 'boolean', 'true, false or nothing', key);
  refuseNoPipeline(key, (await describeRun(client, key)).workflowType);
  const giveUpAt = performance.now() + timeoutMs;
  const reply = await sendWish<PipelineCancelReply>(
    client,
    key,
    { name: pipelineCancelUpdate.name, message },
    { takenWithinMs: Math.min(timeoutMs, acceptTimeoutMs), answeredBy: () => giveUpAt, signal },
  );
  if (typeof reply === 'object') {
    if (!('answer' in reply)) {
      const isHeard = reply.isHeard || isRepeated;
      return replyAfterEnd(client, key, { isHeard, stateTimeoutMs, runId: reply.runId });
    }
    const { answer } = reply;
    return isRepeated && isAfterEnd(answer) ? replyWhileClosing(client, key, answer, stateTimeoutMs) : answer;
  }
  const runId = await supersededRun(client, key);
  const { phase } = await readPipelineState(client, key, { runId, timeoutMs: stateTimeoutMs });
  return { outcome: 'unknown', phase, steps: [] };
}

function isAfterEnd({ outcome, phase, steps }: PipelineCancelReply): boolean {
  return outcome === 'too_late' && steps.length === 0 && isPipelineEnd(phase);
}

/**
 * Reply of an ended pipeline that stays open until an earlier cancel is answered, whose outcome may not be known yet.
 */
async function replyWhileClosing(
  client: Client,
  key: string,
  answer: PipelineCancelReply,
  timeoutMs: number | undefined,
): Promise<PipelineCancelReply> {
  const runId = await supersededRun(client, key);
  const { cancel, isFromServer } = await readPipelineState(client, key, { runId, timeoutMs });
  if (cancel === undefined && !isFromServer) return answer;
  return { ...answer, outcome: cancel?.outcome ?? 'unknown' };
}

/** Reply for a pipeline that ended before or while it was asked: only a cancel that it received can have an outcome. */
async function replyAfterEnd(
  client: Client,
  key: string,
  {
    isHeard,
    stateTimeoutMs,
    runId,
  }: { isHeard: boolean; stateTimeoutMs: number | undefined; runId: string | undefined },
): Promise<PipelineCancelReply> {
  // The outcome is in the state, so it is worth a minimum wait.
  const timeoutMs = isHeard && stateTimeoutMs !== undefined ? Math.max(stateTimeoutMs, heardTimeoutMs) : stateTimeoutMs;
  const which = { runId, timeoutMs };
  const { phase, cancel } = await readEndOf('pipeline', { key, runId }, () => readPipelineState(client, key, which));
  const outcome = (isHeard ? cancel?.outcome : undefined) ?? 'unknown';
  return { outcome: outcome === 'unknown' ? 'too_late' : outcome, phase, steps: [] };
}
