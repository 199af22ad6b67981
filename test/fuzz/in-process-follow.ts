import { ApplicationFailure } from '@temporalio/common';
import type { ActivityFailureDetails, RequestStatus } from '../../domain/activities.ts';
import type { CancelState } from '../../domain/generation.ts';
import { flux } from '../support/simulator-client.ts';
import { EndError } from './end-error.ts';
import type { RetryRules } from './in-process-activities.ts';
import { NextRun, type PlayedRun } from './in-process-run.ts';

/** Follows a request to its end: gives its id where it was delivered. */
export async function follow(run: PlayedRun, requestId: string): Promise<string> {
  let lastStatus: RequestStatus | undefined;
  for (;;) {
    if (run.isCancelDue) await obeyCancel();
    if (run.isDeadlinePassed) return await endAtDeadline();
    const outcome = await checkWork({ longestDelayMs: 30_000, isInterruptible: true });
    if (outcome !== undefined) return outcome;
  }

  async function checkWork(rules: RetryRules): Promise<string | undefined> {
    const { state, activities } = run;
    try {
      if (state.phase !== 'fetching_result') {
        const question = { model: flux, requestId, ...(lastStatus && { lastStatus }) };
        const reading = await run.activity(activities.readStatus, question, rules);
        if (reading === undefined) return undefined;
        lastStatus = reading.status;
        if (reading.status === 'in_queue' || reading.status === 'in_progress') state.phase = reading.status;
        if (reading.status === 'finished' || reading.status === 'failed') state.phase = 'fetching_result';
        if (reading.status === 'cancelled') throw stoppedElsewhere();
        if (state.phase !== 'fetching_result') {
          if (rules.isInterruptible) run.sleep(reading.nextReadInMs);
          return undefined;
        }
      }
      const finishedSince = new Date(run.now()).toISOString();
      const question = { model: flux, requestId, finishedSince, ...(lastStatus === 'failed' && { hasFailed: true }) };
      const result = await run.activity(activities.fetchResult, question, rules);
      switch (result?.status) {
        case undefined:
          return undefined;
        case 'succeeded':
          state.phase = 'succeeded';
          return requestId;
        case 'failed':
          throw run.end('failed', 'GenerationFailed');
        case 'cancelled':
          throw stoppedElsewhere();
        case 'not_ready':
          if (rules.isInterruptible) run.sleep(result.nextReadInMs);
          return undefined;
      }
    } catch (error) {
      if (error instanceof EndError || error instanceof NextRun) throw error;
      throw run.end('failed', error instanceof ApplicationFailure ? (error.type ?? '') : 'ServiceUnavailable');
    }
  }

  function stoppedElsewhere(): EndError {
    if (run.state.cancel) run.state.cancel.outcome = 'cancelled';
    return run.end('cancelled', 'GenerationCancelled');
  }

  async function askToCancel(): Promise<CancelState['outcome']> {
    const rules = { longestDelayMs: 5_000, withinMs: 30_000, isInterruptible: false };
    try {
      const answer = await run.activity(run.activities.cancelRequest, { model: flux, requestId }, rules);
      if (answer?.status === 'finished' || answer?.status === 'failed') run.state.phase = 'fetching_result';
      return answer?.outcome ?? 'unknown';
    } catch (error) {
      if (error instanceof EndError || error instanceof NextRun) throw error;
      const details = error instanceof ApplicationFailure ? (error.details?.[0] as ActivityFailureDetails) : {};
      return details.submission === undefined ? 'unknown' : undefined;
    }
  }

  async function obeyCancel(): Promise<void> {
    const { state, script } = run;
    const cancel = run.cancelState();
    if (state.phase !== 'fetching_result' && cancel.outcome !== 'not_cancellable') {
      cancel.outcome = (await askToCancel()) ?? 'unknown';
    }
    run.isCancelDue = false;
    if (cancel.outcome === 'cancelled') throw run.end('cancelled', 'GenerationCancelled');
    if (run.state.phase === 'fetching_result') {
      cancel.outcome = 'too_late';
      return;
    }
    const asked = script.onCancelWhileRunning;
    const policy = asked === 'unsaid' ? (run.isWorkflowCancelled ? 'detach' : 'wait') : asked;
    if (policy === 'detach') throw run.end('cancelled', 'GenerationCancelled');
  }

  async function endAtDeadline(): Promise<string> {
    const { state } = run;
    if (state.phase !== 'fetching_result') {
      const cancel = run.cancelState();
      if (cancel.outcome !== 'not_cancellable') cancel.outcome = (await askToCancel()) ?? 'unknown';
    }
    if (run.state.cancel?.outcome !== 'cancelled') {
      const rules = { longestDelayMs: 30_000, withinMs: 30_000, isInterruptible: false };
      const result = await checkWork(rules).catch((error: unknown) => {
        if (error instanceof NextRun) throw error;
        if (error instanceof EndError && /Generation|Canceled|TimedOut/.test(error.type)) throw error;
        return undefined;
      });
      if (result !== undefined) return result;
    }
    throw run.end('timed_out', 'GenerationTimedOut');
  }
}
