import {
  CancellationScope,
  condition,
  ContinueAsNew,
  patched,
  sleep,
  TemporalFailure,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { isUnbilled } from '../../domain/failure-details.ts';
import type { GenerationRequest, GenerationResult } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { type FinishedWork, workMemoKey } from '../../domain/waiting.ts';
import { boundedReads } from '../activity-options.ts';
import { waitForKeyOf } from '../hooks/payload-converter.ts';
import { askToCancel, obeyCancel, openCancel, stepCancel } from './cancellation.ts';
import { checkWork } from './check-work.ts';
import { continueAsNewIfDue } from './continue-as-new.ts';
import { endOf } from './endings.ts';
import { listen } from './listen.ts';
import { type CarriedMemory, type Generation, openGeneration } from './memory.ts';
import { forgetReadTime, nextDue } from './next-read.ts';
import { isQuiet, markEnded } from './open-work.ts';
import { obeyQueueDeadline, startQueueDeadline } from './queue-deadline.ts';
import { settleBudgets } from './settle-budgets.ts';
import { isWorkOver } from './sightings.ts';
import { submit } from './submission.ts';
import { checkWebhook, endEventOf, noteHoldOver, tellEnd } from './tell-webhook.ts';
import { countEnd, publish } from './visibility.ts';
import { answerDecision, noteDeadline, settleCancelWish, settleDeadline } from './wishes.ts';

/** One RunComfy generation: submitted once, awaited on durable timers, its result returned, cancelled on request. */
export async function runcomfyGeneration(
  request: GenerationRequest,
  carried?: CarriedMemory,
): Promise<GenerationResult> {
  waitForKeyOf(request, carried);
  const generation = openGeneration(request, carried);
  listen(generation);
  // A cancellation of the workflow is only recorded for the main path, which must still be able to talk to RunComfy
  // after it.
  return await CancellationScope.nonCancellable(async () => {
    try {
      const result = await fulfil(generation);
      await close(generation, result);
      return result;
    } catch (error) {
      if (error instanceof TemporalFailure && !(error instanceof ContinueAsNew)) await close(generation);
      throw error;
    }
  });
}

async function fulfil(generation: Generation): Promise<GenerationResult> {
  if (generation.facts.issues.length > 0) throw invalidRequest(generation);
  await checkWebhook(generation);
  startDeadline(generation);
  const requestId = await submit(generation);
  startQueueDeadline(generation);
  for (;;) {
    switch (await nextDue(generation)) {
      case 'cancel':
        await obeyCancel(generation, requestId);
        break;
      case 'deadline':
        return await endAtDeadline(generation, requestId);
      case 'queue_deadline':
        await obeyQueueDeadline(generation, requestId);
        break;
      case 'read': {
        const result = await checkWork(generation, requestId);
        if (result) return result;
        await continueAsNewIfDue(generation);
      }
    }
  }
}

/**
 * The end of a generation whose request cannot be understood. A version that understood it may have sent it in an
 * earlier run: before a reset, or before Temporal started this run by itself.
 */
function invalidRequest(generation: Generation): Error {
  const { state, facts } = generation;
  const { runId, originalExecutionRunId } = workflowInfo();
  const isAnew = runId !== originalExecutionRunId || facts.selfStartedBy !== undefined;
  const submission = isAnew && state.requestId === undefined ? 'unknown' : state.submission;
  const what = isUnbilled(submission) ? 'nothing was sent' : 'an earlier run may have sent it';
  const message = `the request cannot be understood, ${what}: ${issuesSentence(facts.issues)}`;
  const { issues } = facts;
  return endOf(generation, { type: 'InvalidInput', phase: 'failed', submission, message, details: { issues } });
}

function startDeadline(generation: Generation): void {
  if (generation.wishes.isDeadlinePassed) return;
  const inMs = Math.max(1, Date.parse(generation.state.deadlineAt) - Date.now());
  void sleep(inMs, { summary: 'deadline' }).then(() => {
    noteDeadline(generation);
  });
}

/** Asks RunComfy to stop, looks once more, and returns a result that has come meanwhile. */
async function endAtDeadline(generation: Generation, requestId: string): Promise<GenerationResult> {
  const { state, wishes } = generation;
  const { phase } = state;
  settleDeadline(generation);
  const isOver = isWorkOver(generation);
  const isFirstCancel = !isOver && !state.cancel;
  if (!isOver) {
    if (isFirstCancel) openCancel(generation, 'deadline');
    await askToCancel(generation, requestId);
  }
  settleCancelWish(generation);
  if (state.cancel?.outcome !== 'cancelled') {
    const result = await checkWork(generation, requestId, boundedReads).catch((error: unknown) => {
      const { type, details } = state.failure ?? {};
      if (type === 'GenerationFailed' || details?.reason === 'queue_deadline') throw error;
      // RunComfy does not stop running work. Work that was still queued may have been stopped by our cancel, although
      // RunComfy did not answer that.
      const mayBeOurs = isFirstCancel && state.startedAt === undefined && !wishes.isWorkflowCancelled;
      const isStopped = type === 'GenerationCancelled';
      if (isStopped && !(mayBeOurs && patched('deadlines-may-be-told-late'))) throw error;
    });
    if (result) return result;
    if (isOver && !isWorkOver(generation)) {
      if (!state.cancel) openCancel(generation, 'deadline');
      await askToCancel(generation, requestId);
    }
  }
  throw endOf(generation, {
    type: 'GenerationTimedOut',
    phase: 'timed_out',
    message: `the deadline passed while the generation was ${phase.replaceAll('_', ' ')}`,
  });
}

/** Answers pending updates, publishes the end, and lets side work finish, so that nothing paid stays unknown. */
async function close(generation: Generation, result?: GenerationResult): Promise<void> {
  const { state, sightings, wishes } = generation;
  markEnded(generation);
  forgetReadTime(generation);
  if (wishes.isCancelDue) stepCancel(generation, 'ended');
  answerDecision(generation, 'nothing to resolve any more: the generation has ended');
  settleCancelWish(generation);
  publish(generation, result?.timings);
  if (result && sightings.workKey !== undefined && !sightings.isKnownWell) {
    const { workKey, work = { workKey, model: state.model, totalMs: result.timings.totalMs } } = sightings;
    upsertMemo({ [workMemoKey]: { ...work } satisfies FinishedWork });
  }
  countEnd(generation, result);
  // Both may call `patched`, which must not happen for the first time after a local activity.
  if (state.phase !== 'submission_unknown') noteHoldOver(generation);
  const event = endEventOf(generation);
  await settleBudgets(generation);
  await tellEnd(generation, event, result);
  if (!isQuiet(generation)) await condition(() => isQuiet(generation), '2 minutes');
}
