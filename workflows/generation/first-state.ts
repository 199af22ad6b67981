import { patched, workflowInfo } from '@temporalio/workflow';
import type { GenerationRequest, GenerationState } from '../../domain/generation.ts';
import { deadlineMsOf, findOversizeOfRequest, type ParsedGenerationRequest } from '../../domain/request.ts';
import { deadlineStart } from '../run-start.ts';

/** The state of a generation at the start of its run, and whether its deadline passed before anything could be done. */
export function openState(
  request: GenerationRequest,
  carried: GenerationState | undefined,
): { state: GenerationState; isDeadlinePassed: boolean } {
  if (carried) return { state: withinTheRun(carried), isDeadlinePassed: false };
  const startedAt = deadlineStart(deadlineMsOf(request));
  const state = withinTheRun(firstState(request, startedAt));
  const now = Date.now();
  return { state, isDeadlinePassed: startedAt < now && Date.parse(state.deadlineAt) <= now };
}

function firstState(request: GenerationRequest, startedAt: number): GenerationState {
  const { model, requestId } = request;
  const deadlineAt = new Date(startedAt + deadlineMsOf(request)).toISOString();
  if (requestId === undefined) return { phase: 'submitting', model, submission: 'not_sent', reads: 0, deadlineAt };
  return { phase: 'in_queue', model, submission: 'accepted', requestId, reads: 0, deadlineAt };
}

/**
 * Refuses a request that is too large. Not in a later run or after a reset: an earlier run may have accepted and sent
 * it as it is.
 */
export function refuseOversize(parsed: ParsedGenerationRequest): ParsedGenerationRequest {
  const { runId, originalExecutionRunId, continuedFromExecutionRunId } = workflowInfo();
  const isFirst = continuedFromExecutionRunId === undefined && runId === originalExecutionRunId;
  const issue = parsed.ok && isFirst ? findOversizeOfRequest(parsed.request) : undefined;
  if (!parsed.ok || issue === undefined || !patched('requests-leave-room')) return parsed;
  return { ok: false, model: parsed.request.model, issues: [issue] };
}

/** Time kept free for a last cancel and a last look before Temporal ends the run without warning, in milliseconds. */
const lastWordsMs = 90_000;
/** Upper limit of that time, as a share of the run's duration. */
const shareForLastWords = 0.25;

/** When the run began, and when Temporal ends it without warning; epoch ms. */
function runSpan(): { startedAt: number; endsAt: number } {
  const { startTime, runTimeoutMs, executionExpirationTime, cronScheduleToScheduleInterval: delayMs } = workflowInfo();
  // A run whose start was delayed, by its caller or a cron schedule, has its whole run timeout from then on.
  const isDelayed = delayMs !== undefined && delayMs > 0 && patched('delays-take-no-time');
  const startedAt = startTime.getTime() + (isDelayed ? delayMs : 0);
  // A continued run reports a timeout of 0 if there is none.
  const ends = [startedAt + (runTimeoutMs ?? 0), executionExpirationTime?.getTime() ?? 0];
  return { startedAt, endsAt: Math.min(...ends.filter((time) => time > startedAt)) };
}

/** When Temporal ends the run, epoch ms; Infinity if nobody has set a timeout. */
export function runEndsAt(): number {
  return runSpan().endsAt;
}

/** Brings the deadline closer if necessary, to leave time before the run's own timeout, which others may have set. */
function withinTheRun(state: GenerationState): GenerationState {
  const { startedAt, endsAt } = runSpan();
  if (endsAt === Number.POSITIVE_INFINITY) return state;
  const latestAt = endsAt - Math.min(lastWordsMs, shareForLastWords * (endsAt - startedAt));
  return Date.parse(state.deadlineAt) <= latestAt ? state : { ...state, deadlineAt: new Date(latestAt).toISOString() };
}
