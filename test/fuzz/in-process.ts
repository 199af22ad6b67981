import { ApplicationFailure } from '@temporalio/common';
import type { ActivityFailureDetails, RequestStatus } from '../../domain/activities.ts';
import type { CancelState, GenerationState, Phase } from '../../domain/generation.ts';
import { flux } from '../support/simulator-client.ts';
import { EndError } from './end-error.ts';
import { type Activity, attemptOf, inProcessActivities, type RetryRules } from './in-process-activities.ts';
import type { Lane } from './lane.ts';
import { oddInput } from './odd-input.ts';
import type { CancelWay, FuzzScript } from './script.ts';
import type { Said } from './truth.ts';
import { withClock } from './virtual-time.ts';

/** How long a call takes on the run's clock. */
const callMs = 40;

/**
 * Plays the workflow's part for one generation: the real activities and the real HTTP client, Temporal's retry rules, and
 * the decisions of `workflows/`, on a clock of its own.
 */
export async function playInProcess(lane: Lane, script: FuzzScript, seed: number): Promise<Said> {
  lane.prepare(script, seed);
  return await withClock(lane.clock, () => play(lane, script, `run ${String(seed)} in process`));
}

async function play(lane: Lane, script: FuzzScript, prompt: string): Promise<Said> {
  const { clock, runcomfy, simulator } = lane;
  const activities = inProcessActivities(runcomfy);
  const input = oddInput(script.input, prompt);
  const startedAt = clock.now;
  const deadlineAt = startedAt + script.deadlineMs;
  const wishes = script.cancels.toSorted((a, b) => a.afterMs - b.afterMs);
  const decisions = [...script.decisions];
  const state: Said['state'] = { submission: 'not_sent', phase: 'submitting' };
  const said: Said = { state, prompt, resubmits: 0 };
  let isCancelDue = false;
  let isWorkflowCancelled = false;
  let isDeadlinePassed = false;
  let hasResubmitted = false;
  let lastStatus: RequestStatus | undefined;
  let answers = 0;

  try {
    while (state.requestId === undefined) await submitOnce();
    said.deliveredId = await follow();
  } catch (error) {
    if (!(error instanceof EndError)) throw error;
    said.type = error.type;
  }
  return said;

  /** Time passes; wishes and the deadline come in. */
  function pass(ms: number): void {
    clock.now += ms;
    while (wishes[0] && clock.now - startedAt >= wishes[0].afterMs) wish(wishes.shift()?.way ?? 'signal');
    if (clock.now >= deadlineAt) isDeadlinePassed = true;
  }

  /** Sleeps, and wakes for what is more urgent. */
  function sleep(ms: number): void {
    const until = clock.now + ms;
    while (clock.now < until && !isInterrupted()) {
      const next = Math.min(until, deadlineAt, startedAt + (wishes[0]?.afterMs ?? Number.POSITIVE_INFINITY));
      pass(Math.max(1, next - clock.now));
    }
  }

  /** An unknown submission is held no longer. */
  function mustClose(): boolean {
    return isDeadlinePassed || isWorkflowCancelled;
  }

  function isInterrupted(): boolean {
    return isCancelDue || isDeadlinePassed;
  }

  function wish(way: CancelWay): void {
    if (way === 'workflow') isWorkflowCancelled = true;
    const cancel = cancelState();
    if (state.phase === 'submission_unknown') cancel.outcome = 'unknown';
    else if (state.phase === 'fetching_result') cancel.outcome ??= 'too_late';
    else if (cancel.outcome !== 'not_cancellable' || isWorkflowCancelled) isCancelDue = true;
  }

  function cancelState(): CancelState {
    return (state.cancel ??= { requestedAt: new Date(clock.now).toISOString() });
  }

  function end(phase: Phase, type: string): EndError {
    state.phase = phase;
    return new EndError(phase === 'cancelled' && isWorkflowCancelled ? 'Canceled' : type);
  }

  /** One activity with Temporal's retries. Undefined: interrupted. */
  async function activity<Q, T>(run: Activity<Q, T>, question: Q, rules: RetryRules): Promise<T | undefined> {
    const endsAt = clock.now + (rules.withinMs ?? Number.POSITIVE_INFINITY);
    let heartbeatDetails: unknown;
    for (let attempt = 1; ; attempt += 1) {
      if (rules.isInterruptible && isInterrupted()) return undefined;
      try {
        const value = await attemptOf(run, question, attempt, heartbeatDetails, (details) => {
          heartbeatDetails = details;
        });
        if (script.unreported.includes(answers++)) throw new Error('the answer cannot be encoded');
        pass(callMs);
        return value;
      } catch (error) {
        pass(callMs);
        const failure = error instanceof ApplicationFailure ? error : undefined;
        if (failure?.nonRetryable === true) throw failure;
        const backoffMs = Math.min(rules.longestDelayMs, 1_000 * 2 ** (attempt - 1));
        const delayMs = Number(failure?.nextRetryDelay ?? backoffMs);
        if (clock.now + delayMs > endsAt) throw error;
        if (rules.isInterruptible) sleep(delayMs);
        else pass(delayMs);
      }
    }
  }

  async function submitOnce(): Promise<void> {
    if (state.phase === 'submission_unknown') {
      await decide();
      return;
    }
    const paid = { model: flux, input, firstExecutionRunId: 'run-1' };
    try {
      const rules = { longestDelayMs: 30_000, isInterruptible: true };
      const accepted = await activity(activities.submitRequest, paid, rules);
      const { requestId } = accepted ?? (await attemptOf(activities.recallSubmit, paid, 1, undefined, () => undefined));
      if (requestId === undefined) stopUnsent();
      else accept(requestId);
    } catch (error) {
      if (error instanceof EndError) throw error;
      const type = error instanceof ApplicationFailure ? error.type : undefined;
      if (type !== 'SubmitOutcomeUnknown') {
        state.submission = hasResubmitted ? 'unknown' : 'refused';
        throw end('failed', type ?? 'defect');
      }
      enterUnknown();
      if (script.policy === 'fail') throw end('submission_unknown', type);
      if (script.policy === 'resubmit' && !hasResubmitted && !state.cancel && !isDeadlinePassed) submitAgain();
    }
  }

  function accept(requestId: string): void {
    state.requestId = requestId;
    state.submission = 'accepted';
    state.phase = 'in_queue';
    if (state.cancel?.outcome !== 'unknown') return;
    delete state.cancel.outcome;
    isCancelDue = true;
  }

  function submitAgain(): void {
    hasResubmitted = true;
    state.phase = 'submitting';
  }

  function enterUnknown(): void {
    state.phase = 'submission_unknown';
    state.submission = 'unknown';
    if (state.cancel) state.cancel.outcome ??= 'unknown';
    isCancelDue = false;
  }

  function stopUnsent(): void {
    if (hasResubmitted) {
      enterUnknown();
    } else if (isCancelDue) {
      cancelState().outcome = 'not_submitted';
      throw end('cancelled', 'GenerationCancelled');
    } else {
      throw end('timed_out', 'GenerationTimedOut');
    }
  }

  /** A person decides, or time does. */
  async function decide(): Promise<void> {
    sleep(500);
    if (isWorkflowCancelled) throw end('cancelled', 'GenerationCancelled');
    if (isDeadlinePassed) throw end('submission_unknown', 'SubmitOutcomeUnknown');
    const decision = decisions.shift();
    if (decision === 'abandon') throw end('submission_unknown', 'SubmitOutcomeUnknown');
    if (decision === 'resubmit' && !state.cancel) {
      said.resubmits += 1;
      submitAgain();
    }
    const found = simulator.ledger().jobs.at(-1)?.id;
    const requestId = decision === 'adopt' ? found : decision === 'adopt a wrong id' ? 'no-such-request' : undefined;
    if (requestId === undefined) return;
    const rules = { longestDelayMs: 30_000, withinMs: 30_000, isInterruptible: false };
    const question = { model: flux, requestId, input };
    const isGood = await activity(activities.checkAdoption, question, rules).then(
      () => true,
      () => false,
    );
    if (isGood && !mustClose()) accept(requestId);
  }

  async function follow(): Promise<string> {
    const requestId = state.requestId ?? '';
    for (;;) {
      if (isCancelDue) await obeyCancel(requestId);
      if (isDeadlinePassed) return await endAtDeadline(requestId);
      const outcome = await checkWork(requestId, { longestDelayMs: 30_000, isInterruptible: true });
      if (outcome !== undefined) return outcome;
    }
  }

  async function checkWork(requestId: string, rules: RetryRules): Promise<string | undefined> {
    try {
      if (state.phase !== 'fetching_result') {
        const question = { model: flux, requestId, ...(lastStatus && { lastStatus }) };
        const reading = await activity(activities.readStatus, question, rules);
        if (reading === undefined) return undefined;
        lastStatus = reading.status;
        if (reading.status === 'in_queue' || reading.status === 'in_progress') state.phase = reading.status;
        if (reading.status === 'finished' || reading.status === 'failed') state.phase = 'fetching_result';
        if (reading.status === 'cancelled') throw stoppedElsewhere();
        if (state.phase !== 'fetching_result') {
          if (rules.isInterruptible) sleep(reading.nextReadInMs);
          return undefined;
        }
      }
      const finishedSince = new Date(clock.now).toISOString();
      const question = { model: flux, requestId, finishedSince, ...(lastStatus === 'failed' && { hasFailed: true }) };
      const result = await activity(activities.fetchResult, question, rules);
      switch (result?.status) {
        case undefined:
          return undefined;
        case 'succeeded':
          state.phase = 'succeeded';
          return requestId;
        case 'failed':
          throw end('failed', 'GenerationFailed');
        case 'cancelled':
          throw stoppedElsewhere();
        case 'not_ready':
          if (rules.isInterruptible) sleep(result.nextReadInMs);
          return undefined;
      }
    } catch (error) {
      if (error instanceof EndError) throw error;
      throw end('failed', error instanceof ApplicationFailure ? (error.type ?? '') : 'ServiceUnavailable');
    }
  }

  function stoppedElsewhere(): EndError {
    if (state.cancel) state.cancel.outcome = 'cancelled';
    return end('cancelled', 'GenerationCancelled');
  }

  async function askToCancel(requestId: string): Promise<CancelState['outcome']> {
    const rules = { longestDelayMs: 5_000, withinMs: 30_000, isInterruptible: false };
    try {
      const answer = await activity(activities.cancelRequest, { model: flux, requestId }, rules);
      if (answer?.status === 'finished' || answer?.status === 'failed') state.phase = 'fetching_result';
      return answer?.outcome ?? 'unknown';
    } catch (error) {
      const details = error instanceof ApplicationFailure ? (error.details?.[0] as ActivityFailureDetails) : {};
      return details.submission === undefined ? 'unknown' : undefined;
    }
  }

  async function obeyCancel(requestId: string): Promise<void> {
    const cancel = cancelState();
    if (state.phase !== 'fetching_result' && cancel.outcome !== 'not_cancellable') {
      cancel.outcome = (await askToCancel(requestId)) ?? 'unknown';
    }
    isCancelDue = false;
    if (cancel.outcome === 'cancelled') throw end('cancelled', 'GenerationCancelled');
    if (state.phase === 'fetching_result') {
      cancel.outcome = 'too_late';
      return;
    }
    const asked = script.onCancelWhileRunning;
    const policy = asked === 'unsaid' ? (isWorkflowCancelled ? 'detach' : 'wait') : asked;
    if (policy === 'detach') throw end('cancelled', 'GenerationCancelled');
  }

  async function endAtDeadline(requestId: string): Promise<string> {
    const phase: GenerationState['phase'] = state.phase;
    if (phase !== 'fetching_result') {
      const cancel = cancelState();
      if (cancel.outcome !== 'not_cancellable') cancel.outcome = (await askToCancel(requestId)) ?? 'unknown';
    }
    if (state.cancel?.outcome !== 'cancelled') {
      const rules = { longestDelayMs: 30_000, withinMs: 30_000, isInterruptible: false };
      const result = await checkWork(requestId, rules).catch((error: unknown) => {
        if (error instanceof EndError && /Generation|Canceled/.test(error.type)) throw error;
        return undefined;
      });
      if (result !== undefined) return result;
    }
    throw end('timed_out', 'GenerationTimedOut');
  }
}
