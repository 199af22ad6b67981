import { ApplicationFailure } from '@temporalio/common';
import type { SubmitBeforeReset } from '../../activities/index.ts';
import type { Activities } from '../../domain/activities.ts';
import type { CancelState, Phase } from '../../domain/generation.ts';
import { EndError } from './end-error.ts';
import { type Activity, attemptOf, firstRunId, inProcessActivities, type RetryRules } from './in-process-activities.ts';
import type { Lane } from './lane.ts';
import type { CancelWay, Decision, FuzzScript } from './script.ts';
import type { Said } from './truth.ts';

/** How long a call takes on the run's clock. */
const callMs = 40;

/** As the workflow has it: time for last words before Temporal ends a run. */
const lastWordsMs = 90_000;
const shareForLastWords = 0.25;

/** What begins the next run: somebody's reset, or Temporal's own retry of a run that it ended. */
export class NextRun extends Error {
  readonly by: 'reset' | 'retry';
  constructor(by: 'reset' | 'retry') {
    super(by);
    this.by = by;
  }
}

/** A generation that is played in process: its time, what comes in from outside, and its activities. */
export interface PlayedRun {
  readonly script: FuzzScript;
  readonly said: Said;
  readonly state: Said['state'];
  /** What people still have to say about an unknown submission. */
  readonly decisions: Decision[];
  readonly activities: Activities;
  isCancelDue: boolean;
  isWorkflowCancelled: boolean;
  isDeadlinePassed: boolean;
  /** Sleeps, and wakes for what is more urgent. */
  sleep: (ms: number) => void;
  now: () => number;
  cancelState: () => CancelState;
  end: (phase: Phase, type: string) => EndError;
  /** One activity with Temporal's retries. Undefined: interrupted. */
  activity: <Q, T>(run: Activity<Q, T>, question: Q, rules: RetryRules) => Promise<T | undefined>;
  /** What the last attempt had said when it could not report any more. */
  lastHeartbeat: () => unknown;
  /** Begins the next run of the chain. */
  restart: (by: NextRun['by']) => void;
}

/** An attempt whose report could never be encoded: Temporal has given it up. */
export class LostAttempt extends Error {}

/** Opens the first run. */
export function openRun(lane: Lane, script: FuzzScript, prompt: string): PlayedRun {
  const { clock, runcomfy } = lane;
  const openedAt = clock.now;
  let runId = firstRunId;
  /** What the histories of the runs before a reset say of the order. */
  let before: SubmitBeforeReset = { kind: 'nothing' };
  let isSubmitOpen = false;
  const newActivities = () =>
    inProcessActivities(runcomfy, () => {
      const found = before;
      // Whoever has been told decides.
      if (found.kind === 'unknown') before = { kind: 'nothing' };
      return found;
    });
  let activities = newActivities();
  let heartbeatDetails: unknown;
  let answers = 0;
  let startedAt = openedAt;
  let hasBeenReset = false;
  const wishes = script.cancels.toSorted((a, b) => a.afterMs - b.afterMs);
  const untimely = script.untimely.toSorted((a, b) => a.afterMs - b.afterMs);
  const said: Said = { state: { submission: 'not_sent', phase: 'submitting' }, prompt, resubmits: 0 };

  const run: PlayedRun = {
    script,
    said,
    get state() {
      return said.state;
    },
    decisions: [...script.decisions],
    get activities() {
      return activities;
    },
    isCancelDue: false,
    isWorkflowCancelled: false,
    isDeadlinePassed: false,
    now: () => clock.now,
    lastHeartbeat: () => heartbeatDetails,
    sleep(ms) {
      const until = clock.now + ms;
      while (clock.now < until && !isInterrupted()) pass(Math.max(1, Math.min(until, nextMoment()) - clock.now));
    },
    cancelState: () => (said.state.cancel ??= { requestedAt: new Date(clock.now).toISOString() }),
    end(phase, type) {
      said.state.phase = phase;
      return new EndError(phase === 'cancelled' && run.isWorkflowCancelled ? 'Canceled' : type);
    },
    activity,
    restart(by) {
      run.isDeadlinePassed = false;
      before = by === 'reset' ? submitSoFar() : { kind: 'nothing' };
      said.state = { submission: 'not_sent', phase: 'submitting' };
      if (by === 'retry') {
        said.retries = (said.retries ?? 0) + 1;
        runId = 'retried';
        startedAt = clock.now;
        run.isCancelDue = false;
        run.isWorkflowCancelled = false;
        return;
      }
      // Temporal sends a run that was reset the messages of the one before.
      said.resets = (said.resets ?? 0) + 1;
      runId = 'reset';
      run.isCancelDue = run.isWorkflowCancelled || wishes.length < script.cancels.length;
      if (run.isCancelDue) run.cancelState();
      if (!script.isResetElsewhere) return;
      said.resetsElsewhere = (said.resetsElsewhere ?? 0) + 1;
      activities = newActivities();
    },
  };
  return run;

  function submitSoFar(): SubmitBeforeReset {
    const { requestId, submission } = said.state;
    if (requestId !== undefined) return { kind: 'accepted', requestId, acceptedAt: new Date(clock.now).toISOString() };
    return isSubmitOpen || submission === 'unknown' ? { kind: 'unknown' } : { kind: 'nothing' };
  }

  function timesOutAt(): number {
    return startedAt + (script.retriedAfterMs ?? Number.POSITIVE_INFINITY);
  }

  function deadlineAt(): number {
    const runMs = script.retriedAfterMs ?? Number.POSITIVE_INFINITY;
    const latestAt = timesOutAt() - Math.min(lastWordsMs, shareForLastWords * runMs);
    return Math.min(startedAt + script.deadlineMs, latestAt);
  }

  function nextMoment(): number {
    const wish = openedAt + (wishes[0]?.afterMs ?? Number.POSITIVE_INFINITY);
    const decision = openedAt + (untimely[0]?.afterMs ?? Number.POSITIVE_INFINITY);
    return Math.min(deadlineAt(), wish, decision, resetAt());
  }

  function resetAt(): number {
    return hasBeenReset ? Number.POSITIVE_INFINITY : openedAt + (script.resetAfterMs ?? Number.POSITIVE_INFINITY);
  }

  /** Time passes; wishes, decisions, the deadline and the next run come in. */
  function pass(ms: number): void {
    clock.now += ms;
    while (wishes[0] && clock.now - openedAt >= wishes[0].afterMs) wish(wishes.shift()?.way ?? 'signal');
    while (untimely[0] && clock.now - openedAt >= untimely[0].afterMs) {
      const decision = untimely.shift()?.decision ?? 'none';
      if (said.state.phase === 'submission_unknown') run.decisions.unshift(decision);
    }
    if (clock.now >= deadlineAt()) run.isDeadlinePassed = true;
    if (clock.now >= timesOutAt()) {
      if (said.retries !== undefined) throw new EndError('TimedOut');
      throw new NextRun('retry');
    }
    if (clock.now >= resetAt()) {
      hasBeenReset = true;
      throw new NextRun('reset');
    }
  }

  function isInterrupted(): boolean {
    return run.isCancelDue || run.isDeadlinePassed;
  }

  function wish(way: CancelWay): void {
    const { state } = said;
    if (way === 'workflow') run.isWorkflowCancelled = true;
    const cancel = run.cancelState();
    if (state.phase === 'submission_unknown') cancel.outcome = 'unknown';
    else if (state.phase === 'fetching_result') cancel.outcome ??= 'too_late';
    else if (cancel.outcome !== 'not_cancellable' || run.isWorkflowCancelled) run.isCancelDue = true;
  }

  async function activity<Q, T>(call: Activity<Q, T>, question: Q, rules: RetryRules): Promise<T | undefined> {
    isSubmitOpen = rules.isPatient === true;
    try {
      const value = await attempts(call, question, rules);
      isSubmitOpen = false;
      return value;
    } catch (error) {
      if (!(error instanceof NextRun)) isSubmitOpen = false;
      throw error;
    }
  }

  async function attempts<Q, T>(call: Activity<Q, T>, question: Q, rules: RetryRules): Promise<T | undefined> {
    const endsAt = clock.now + (rules.withinMs ?? Number.POSITIVE_INFINITY);
    heartbeatDetails = undefined;
    for (let attempt = 1; ; attempt += 1) {
      if (rules.isInterruptible && isInterrupted()) return undefined;
      let outcome: { value: T } | { error: unknown };
      try {
        const note = (details: unknown) => {
          heartbeatDetails = details;
        };
        const value = await attemptOf(call, question, attempt, heartbeatDetails, note, runId);
        outcome = { value };
        if (script.unreported.includes(answers++)) {
          if (rules.isPatient) throw new LostAttempt();
          outcome = { error: new Error('the answer cannot be encoded') };
        }
      } catch (error) {
        outcome = { error };
      }
      pass(callMs);
      if ('value' in outcome) return outcome.value;
      const { error } = outcome;
      const failure = error instanceof ApplicationFailure ? error : undefined;
      if (error instanceof LostAttempt || failure?.nonRetryable === true) throw error;
      const backoffMs = Math.min(rules.longestDelayMs, 1_000 * 2 ** (attempt - 1));
      const delayMs = Number(failure?.nextRetryDelay ?? backoffMs);
      if (clock.now + delayMs > endsAt) throw error;
      if (rules.isInterruptible) run.sleep(delayMs);
      else pass(delayMs);
    }
  }
}
