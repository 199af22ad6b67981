import { ApplicationFailure, type Client, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../../domain/failure-details.ts';
import { isFailureType } from '../../../domain/failure-type.ts';
import type { SubmissionResolution } from '../../../domain/generation.ts';
import { isJsonObject } from '../../../domain/json.ts';
import { lateKey } from '../../../domain/names.ts';
import { isRequestId } from '../../../domain/request.ts';
import { resolveSubmissionUpdate, type SubmissionResolutionReply } from '../../../workflows/generation/messages.ts';
import { toClientError } from '../../convert-errors.ts';
import { GenerationError, type GenerationErrorType, isGenerationError } from '../../errors.ts';
import { grpcCode, grpcCodeOf, isOutOfTime } from '../../grpc.ts';
import { checkArgument } from '../check-arguments.ts';
import { withoutHearing } from '../following/standstill.ts';
import { findKeysOfRequest } from '../keys-of-request.ts';
import { describeRun } from '../run-info.ts';
import { sendUpdate, type UpdateAnswer } from '../send-update.ts';
import { refuseOtherType } from '../starting/compare-requests.ts';

const acceptTimeoutMs = 30_000;
const answerTimeoutMs = 120_000;

/**
 * Decides about a submission whose outcome is unknown; throws `ResolutionRefused` with the reason if nothing is to be
 * decided.
 */
export async function resolveSubmission(
  client: Client,
  key: string,
  resolution: SubmissionResolution,
): Promise<SubmissionResolutionReply> {
  checkArgument('resolution', isResolution(resolution), resolutions, key);
  if (resolution.action === 'adopt') await refuseUsed(client, key, resolution.requestId);
  const reply = await sendUpdate<SubmissionResolutionReply>(
    client,
    key,
    { name: resolveSubmissionUpdate.name, message: resolution },
    { takenWithinMs: acceptTimeoutMs, answeredBy: () => performance.now() + answerTimeoutMs },
  );
  if (reply !== 'unattended' && 'answer' in reply) return reply.answer;
  try {
    throw await withoutReply(client, key, reply);
  } catch (error) {
    throw resolution.action === 'resubmit' ? perhapsLeft(key, error) : error;
  }
}

/** The error that says why a decision got no reply. */
async function withoutReply(
  client: Client,
  key: string,
  reply: Exclude<UpdateAnswer<SubmissionResolutionReply>, { answer: unknown }>,
): Promise<unknown> {
  if (reply === 'unattended') return await withoutHearing(client, key);
  const { error, isTaken } = reply;
  if (error instanceof WorkflowUpdateFailedError) return refused(key, error);
  if (error instanceof WorkflowNotFoundError) {
    const { workflowType, status } = await describeRun(client, key);
    refuseOtherType(key, workflowType);
    const message = `nothing to resolve: generation "${key}" has ended (${status.replaceAll('_', ' ')})`;
    return new GenerationError({ type: 'ResolutionRefused', message, key, cause: error });
  }
  // Once the workflow has accepted the update, an error of Temporal does not undo it.
  if (isTaken && grpcCodeOf(error) !== undefined) {
    const message = `the decision for generation "${key}" was taken but is not carried out yet: look at its state`;
    return new GenerationError({ type: 'StillRunning', message, key, cause: error });
  }
  const isUnheard = isOutOfTime(error) || grpcCodeOf(error) === grpcCode.failedPrecondition;
  return isUnheard ? await withoutHearing(client, key) : error;
}

const perhapsHeard: readonly GenerationErrorType[] = [
  'NoWorker',
  'WorkerFailing',
  'TemporalBusy',
  'TemporalUnreachable',
];

/**
 * Turns an error that leaves it open whether a `resubmit` arrived into `StillRunning`: other calls may be repeated
 * after such errors, but a second resubmit may be billed again.
 */
function perhapsLeft(key: string, error: unknown): unknown {
  const why = toClientError(error, key);
  if (!isGenerationError(why) || !perhapsHeard.includes(why.type)) return why;
  const message = `whether the order of generation "${key}" is sent again is not known yet (${why.type}): the decision may be kept until a worker is there, and is then carried out; look at its state before you decide once more, for each resubmit may be another bill`;
  return new GenerationError({ type: 'StillRunning', message, key, cause: why });
}

/**
 * Refuses to adopt a request that another generation of this task queue follows, as far as Temporal's index knows: both
 * would report its result as their own. Generations of other task queues may use another account or another provider.
 */
async function refuseUsed(client: Client, key: string, requestId: string): Promise<void> {
  const { taskQueue } = await describeRun(client, key);
  const keys = await findKeysOfRequest(client, requestId, { key, taskQueue });
  if (keys.every((found) => found === key || found === lateKey(key))) return;
  const message = `generation "${key}": request ${requestId} is that of another generation already`;
  throw new GenerationError({ type: 'ResolutionRefused', message, key });
}

const resolutions = "{ action: 'adopt', requestId }, { action: 'resubmit' } or { action: 'abandon' }";

function isResolution(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { action, requestId } = value;
  return action === 'adopt' ? isRequestId(requestId) : action === 'resubmit' || action === 'abandon';
}

function refused(key: string, error: WorkflowUpdateFailedError): GenerationError {
  const { cause } = error;
  const message = `generation "${key}": ${cause?.message ?? error.message}`;
  if (!(cause instanceof ApplicationFailure) || !isFailureType(cause.type) || cause.type === 'InvalidInput') {
    return new GenerationError({
      type: 'ResolutionRefused',
      message,
      key,
      cause: error,
    });
  }
  return new GenerationError({
    type: cause.type,
    message,
    key,
    details: readFailureDetails(cause),
    cause: error,
  });
}
