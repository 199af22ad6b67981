import { randomUUID } from 'node:crypto';
import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type {
  ApprovalDecision,
  PipelineCancelMessage,
  PipelineCancelReply,
  PipelinePhase,
} from '../../domain/pipeline/pipeline-run.ts';
import { decideUpdate, pipelineCancelSignal, pipelineCancelUpdate } from '../../workflows/pipeline/messages.ts';
import { GenerationError } from '../errors.ts';
import { askWorker } from '../generation/ask-worker.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import type { CancelOptions } from '../generation/deciding/cancel-generation.ts';
import { withoutAnswer } from '../generation/following/standstill.ts';
import { describeRun } from '../generation/run-info.ts';
import { sendUpdate } from '../generation/send-update.ts';
import { isOutOfTime } from '../grpc.ts';
import { refuseNoPipeline } from './pipeline-errors.ts';
import { readPipelineState } from './read-pipeline-state.ts';

const acceptTimeoutMs = 20_000;
const cancelTimeoutMs = 180_000;

/** Decides an approval; `ResolutionRefused` where there is nothing to decide. */
export async function decidePipeline(
  client: Client,
  key: string,
  decision: ApprovalDecision,
): Promise<{ phase: PipelinePhase }> {
  checkArgument('decision', typeof decision === 'object', '{ step, decision: "approve" or "reject" }', key);
  const run = await describeRun(client, key);
  refuseNoPipeline(key, run.workflowType);
  const handle = client.workflow.getHandle(key);
  const updateId = `decide-${randomUUID()}`;
  const ask = () => handle.executeUpdate(decideUpdate, { args: [decision], updateId });
  const reply = await askWorker(client, key, ask, { timeoutMs: acceptTimeoutMs });
  if (reply === 'unattended') throw await withoutAnswer(client, key);
  if ('answer' in reply) return reply.answer;
  const { error } = reply;
  if (error instanceof WorkflowUpdateFailedError) {
    const message = `pipeline "${key}": ${error.cause?.message ?? error.message}`;
    const isRefused = error.cause instanceof ApplicationFailure;
    throw new GenerationError({
      type: isRefused ? 'ResolutionRefused' : 'ServiceUnavailable',
      message,
      key,
      cause: error,
    });
  }
  if (error instanceof WorkflowNotFoundError) {
    const message = `nothing to decide: pipeline "${key}" has ended`;
    throw new GenerationError({ type: 'ResolutionRefused', message, key, cause: error });
  }
  if (isOutOfTime(error)) throw await withoutAnswer(client, key);
  throw error;
}

/**
 * Asks every open order of a pipeline to cancel and tells what became of each. Where no worker takes the update in time
 * the wish is left as a signal, and the outcome is `unknown`; a pipeline that has ended answers `too_late`.
 */
export async function cancelPipeline(
  client: Client,
  key: string,
  message: PipelineCancelMessage = {},
  { timeoutMs = cancelTimeoutMs, isRepeated = false, signal }: Omit<CancelOptions, 'stateTimeoutMs'> = {},
): Promise<PipelineCancelReply> {
  const { reason, detach } = message;
  checkArgument('reason', reason === undefined || typeof reason === 'string', 'text or nothing', key);
  checkArgument('detach', detach === undefined || typeof detach === 'boolean', 'true, false or nothing', key);
  refuseNoPipeline(key, (await describeRun(client, key)).workflowType);
  const reply = await sendUpdate<PipelineCancelReply>(
    client,
    key,
    { name: pipelineCancelUpdate.name, message },
    { takenWithinMs: acceptTimeoutMs, answeredBy: () => Date.now() + timeoutMs, signal },
  );
  const isTaken = reply !== 'unattended' && 'isTaken' in reply && reply.isTaken;
  try {
    if (reply !== 'unattended') {
      if ('answer' in reply) return reply.answer;
      if (isTaken || !isOutOfTime(reply.error)) throw reply.error;
    }
    await client.workflow.getHandle(key).signal(pipelineCancelSignal, message);
  } catch (error) {
    const isOver = error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError;
    if (isOver) return await replyAfterEnd(client, key, isTaken || isRepeated);
    if (!isOutOfTime(error)) throw error;
  }
  const { phase } = await readPipelineState(client, key);
  return { outcome: 'unknown', phase, steps: [] };
}

/** The pipeline ended before or while it was asked: only a cancel that it heard can have had an outcome. */
async function replyAfterEnd(client: Client, key: string, isHeard: boolean): Promise<PipelineCancelReply> {
  const { phase, cancel } = await readPipelineState(client, key);
  const outcome = (isHeard ? cancel?.outcome : undefined) ?? 'unknown';
  return { outcome: outcome === 'unknown' ? 'too_late' : outcome, phase, steps: [] };
}
