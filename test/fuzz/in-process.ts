import { ApplicationFailure } from '@temporalio/common';
import type { SubmitHeartbeat } from '../../domain/activities.ts';
import { flux } from '../support/simulator-client.ts';
import { EndError } from './end-error.ts';
import { attemptOf, firstRunId } from './in-process-activities.ts';
import { follow } from './in-process-follow.ts';
import { LostAttempt, NextRun, openRun, type PlayedRun } from './in-process-run.ts';
import type { Lane } from './lane.ts';
import { oddInput } from './odd-input.ts';
import type { FuzzScript } from './script.ts';
import type { Said } from './truth.ts';
import { withClock } from './virtual-time.ts';

/**
 * Plays the workflow's part for one generation: the real activities and the real HTTP client, Temporal's retry rules, and
 * the decisions of `workflows/`, on a clock of its own.
 */
export async function playInProcess(lane: Lane, script: FuzzScript, seed: number): Promise<Said> {
  lane.prepare(script, seed);
  return await withClock(lane.clock, () => play(lane, script, `run ${String(seed)} in process`));
}

async function play(lane: Lane, script: FuzzScript, prompt: string): Promise<Said> {
  const run = openRun(lane, script, prompt);
  const input = oddInput(script.input, prompt);
  const { said } = run;
  for (let startedBy: NextRun['by'] | undefined; ;) {
    try {
      said.deliveredId = await follow(run, await submit(lane, run, input, startedBy));
      return said;
    } catch (error) {
      if (error instanceof EndError) {
        said.type = error.type;
        return said;
      }
      if (!(error instanceof NextRun)) throw error;
      startedBy = error.by;
      run.restart(error.by);
    }
  }
}

/** Submits as often as is decided, and gives the request id. */
async function submit(
  { books }: Lane,
  run: PlayedRun,
  input: Record<string, unknown>,
  startedBy: NextRun['by'] | undefined,
): Promise<string> {
  const { script, said } = run;
  // A run that Temporal started by itself, or one whose order was sent again, may hide an earlier order.
  let isDoubted = startedBy === 'retry';
  if (isDoubted) enterUnknown();
  while (run.state.requestId === undefined) {
    if (run.state.phase === 'submission_unknown') await decide();
    else await submitOnce();
  }
  return run.state.requestId;

  async function submitOnce(): Promise<void> {
    const { activities } = run;
    const paid = { model: flux, input, firstExecutionRunId: firstRunId };
    try {
      const rules = { longestDelayMs: 30_000, isInterruptible: true, isPatient: true };
      const accepted = await run.activity(activities.submitRequest, paid, rules);
      if (accepted !== undefined) {
        accept(accepted.requestId);
        return;
      }
      const runId = startedBy ?? firstRunId;
      const recalled = await attemptOf(activities.recallSubmit, paid, 1, undefined, () => undefined, runId);
      if (recalled.requestId !== undefined) accept(recalled.requestId);
      else if (recalled.isReset === false) stopUnsent();
      else enterUnknown();
    } catch (error) {
      if (error instanceof EndError || error instanceof NextRun) throw error;
      if (error instanceof LostAttempt) {
        takeUp(run.lastHeartbeat() as SubmitHeartbeat | undefined);
        return;
      }
      const failure = error instanceof ApplicationFailure ? error : undefined;
      if (failure?.type === 'SubmitOutcomeUnknown') {
        enterUnknown();
        return;
      }
      const details = (failure?.details?.[0] ?? {}) as { submission?: 'not_sent' | 'refused'; isReset?: boolean };
      const isHidden = isDoubted || details.isReset === true;
      run.state.submission = isHidden ? 'unknown' : (details.submission ?? 'refused');
      throw run.end('failed', failure?.type ?? 'defect');
    }
  }

  /** Temporal gave the attempt up: what it had said last counts. */
  function takeUp(lastHeartbeat: SubmitHeartbeat | undefined): void {
    if (lastHeartbeat?.requestId !== undefined) accept(lastHeartbeat.requestId);
    else if (lastHeartbeat?.stage === 'sending') enterUnknown();
  }

  function accept(requestId: string): void {
    const { state } = run;
    state.requestId = requestId;
    state.submission = 'accepted';
    state.phase = 'in_queue';
    if (state.cancel?.outcome !== 'unknown') return;
    delete state.cancel.outcome;
    run.isCancelDue = true;
  }

  function submitAgain(): void {
    isDoubted = true;
    run.state.phase = 'submitting';
  }

  function enterUnknown(): void {
    const { state } = run;
    state.phase = 'submission_unknown';
    state.submission = 'unknown';
    if (state.cancel) state.cancel.outcome ??= 'unknown';
    run.isCancelDue = false;
  }

  function stopUnsent(): void {
    if (isDoubted) {
      enterUnknown();
    } else if (run.isCancelDue) {
      run.cancelState().outcome = 'not_submitted';
      throw run.end('cancelled', 'GenerationCancelled');
    } else {
      throw run.end('timed_out', 'GenerationTimedOut');
    }
  }

  /** A person decides, the caller's policy does, or time does. */
  async function decide(): Promise<void> {
    const { state } = run;
    if (mustClose()) throw closed();
    if (script.policy === 'fail') throw run.end('submission_unknown', 'SubmitOutcomeUnknown');
    if (script.policy === 'resubmit' && !isDoubted && !state.cancel) {
      submitAgain();
      return;
    }
    const decision = run.decisions.shift();
    if (decision === undefined) run.sleep(500);
    if (mustClose()) throw closed();
    if (decision === 'abandon') throw run.end('submission_unknown', 'SubmitOutcomeUnknown');
    if (decision === 'resubmit' && !state.cancel) {
      said.resubmits += 1;
      submitAgain();
      return;
    }
    const found = books(said.prompt).jobs.at(-1)?.id;
    const requestId = decision === 'adopt' ? found : decision === 'adopt a wrong id' ? 'no-such-request' : undefined;
    if (requestId === undefined) return;
    const rules = { longestDelayMs: 30_000, withinMs: 30_000, isInterruptible: false };
    const question = { model: flux, requestId, input };
    const isGood = await run.activity(run.activities.checkAdoption, question, rules).then(
      () => true,
      (error: unknown) => {
        if (error instanceof NextRun || error instanceof EndError) throw error;
        return false;
      },
    );
    if (isGood && !mustClose()) accept(requestId);
  }

  /** An unknown submission is held no longer. */
  function mustClose(): boolean {
    return run.isDeadlinePassed || run.isWorkflowCancelled;
  }

  function closed(): EndError {
    return run.isWorkflowCancelled
      ? run.end('cancelled', 'GenerationCancelled')
      : run.end('submission_unknown', 'SubmitOutcomeUnknown');
  }
}
