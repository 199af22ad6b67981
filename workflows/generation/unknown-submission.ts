import { condition, log, metricMeter, patched, sleep } from '@temporalio/workflow';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import { evidenceNote, type SubmissionEvidence } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { nextUnknownSubmissionStep, type UnknownSubmissionStep } from '../../domain/unknown-submission.ts';
import { boundedReads } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { stepCancel } from './cancellation.ts';
import { continueAsNewIfDue, isContinueAsNewDue, mayBeCarried } from './continue-as-new.ts';
import { cancelledEnd, endOf } from './endings.ts';
import { leaveInDoubt } from './further-request.ts';
import type { Generation } from './memory.ts';
import { notePrice, noteSubmission } from './sightings.ts';
import { tellHeld } from './tell-webhook.ts';
import { enterPhase, modelLabel, noteModelKnown, noteSearchAttributes } from './visibility.ts';
import { answerDecision, isAnythingWished, settleCancelWish, takeHandedOver } from './wishes.ts';

/**
 * How long an id may still turn up, in milliseconds: a POST lasts for a minute at most, and its worker then has 15 s to
 * hand over the id.
 */
const mayTurnUpForMs = 75_000;

/** What is known of a POST that may have been accepted. */
export interface UnknownSubmit {
  /**
   * The POST may still be in flight, or its worker may know more. Otherwise the activity itself has said everything.
   */
  mayTurnUp: boolean;
  message: string;
  details: ActivityFailureDetails;
}

/** Makes the submission unknown: from here on there is nothing that a cancel could stop. */
export function enterUnknown(generation: Generation): void {
  noteSubmission(generation, 'unknown');
  stepCancel(generation, 'request_unknown');
  settleCancelWish(generation);
  enterPhase(generation, 'submission_unknown', 'now');
}

/** Records that a POST may have been accepted. */
export function noteUnknown(generation: Generation, { mayTurnUp, message, details }: UnknownSubmit): void {
  const { state, doubt } = generation;
  const { sentAt, balanceBefore, reply, repliedRequestId } = details;
  noteSearchAttributes(generation, details);
  if (details.isModelKnown) noteModelKnown(generation);
  notePrice(generation, details.priceUsd);
  state.evidence = withoutUndefined({
    sentAt,
    balanceBefore,
    reason: message,
    reply,
    repliedRequestId,
    note: evidenceNote,
  });
  doubt.unknownBecause = message;
  doubt.mayTurnUpUntil = mayTurnUp ? new Date(Date.now() + mayTurnUpForMs).toISOString() : undefined;
  doubt.isPolicyDue = true;
  enterUnknown(generation);
  log.warn('submission unknown: RunComfy may have accepted the order', { model: state.model, reason: message });
  metricMeter
    .createCounter('runcomfy_unknown_submissions', '{submission}', 'Submits whose outcome is unknown')
    .add(1, { model: modelLabel(generation) });
}

/**
 * Waits until the id turns up, a person decides, the policy acts, the deadline passes or the workflow is cancelled.
 * Returns the id, or undefined if the order is to be sent again. Every end is thrown.
 */
export async function resolveUnknown(generation: Generation): Promise<string | undefined> {
  if (!patched('every-decision-is-answered')) return await resolveAsBefore(generation);
  for (;;) {
    const step = stepAfter(generation);
    if (step.kind !== 'wait' || step.refusal !== undefined) answerDecision(generation, step.refusal);
    switch (step.kind) {
      case 'follow':
        takeHandedOver(generation);
        return step.requestId;
      case 'resubmit':
        submitAgain(generation);
        return undefined;
      case 'end':
        throw unknownEnd(generation);
      case 'wait':
        await untilNews(generation);
    }
  }
}

function stepAfter({ facts, state, wishes, doubt }: Generation): UnknownSubmissionStep {
  return nextUnknownSubmissionStep({
    policy: facts.request.onUnknownSubmission ?? 'hold',
    hasResubmitted: doubt.hasResubmitted,
    mayTurnUp: doubt.mayTurnUpUntil !== undefined,
    handedOverRequestId: wishes.handedOverRequestId,
    decision: wishes.decision?.resolution,
    isCancelAsked: state.cancel !== undefined,
    isWorkflowCancelled: wishes.isWorkflowCancelled,
    isDeadlinePassed: wishes.isDeadlinePassed,
  });
}

async function untilNews(generation: Generation): Promise<void> {
  const { wishes, doubt } = generation;
  gatherEvidence(generation);
  if (doubt.mayTurnUpUntil === undefined) tellHeld(generation);
  const mayContinue = mayBeCarried(generation);
  const isNews = () =>
    wishes.decision !== undefined ||
    stepAfter(generation).kind !== 'wait' ||
    (mayContinue && isContinueAsNewDue(generation) && !isAnythingWished(generation));
  if (doubt.mayTurnUpUntil === undefined) {
    await condition(isNews);
  } else {
    const leftMs = Math.max(1, Date.parse(doubt.mayTurnUpUntil) - Date.now());
    if (!(await condition(isNews, leftMs))) doubt.mayTurnUpUntil = undefined;
  }
  if (stepAfter(generation).kind === 'wait') await continueAsNewIfDue(generation);
}

/** Records that an earlier POST of this order may have been accepted. */
export function noteResubmitted({ doubt }: Generation): void {
  doubt.hasResubmitted = true;
}

function submitAgain(generation: Generation): void {
  leaveInDoubt(generation);
  noteResubmitted(generation);
  generation.doubt.mayTurnUpUntil = undefined;
  enterPhase(generation, 'submitting', 'now');
}

function unknownEnd(generation: Generation): Error {
  if (generation.wishes.isWorkflowCancelled) {
    return cancelledEnd(generation, 'cancelled while it was unknown whether RunComfy had accepted the order');
  }
  return endOf(generation, {
    type: 'SubmitOutcomeUnknown',
    phase: 'submission_unknown',
    submission: 'unknown',
    message: `it is unknown whether RunComfy accepted the order: ${generation.doubt.unknownBecause ?? 'no answer came'}`,
  });
}

/** Reads the balance once more, a minute after the submission became unknown; nobody waits for it. */
function gatherEvidence(generation: Generation): void {
  const { state, doubt } = generation;
  if (doubt.isGathering || state.evidence?.balanceAfter !== undefined) return;
  doubt.isGathering = true;
  void completeEvidence(generation, { isAlone: true }).finally(() => {
    doubt.isGathering = false;
  });
}

async function completeEvidence({ state, facts, open }: Generation, { isAlone = false } = {}): Promise<void> {
  for (;;) {
    const known = state.evidence;
    // Another submit may be unknown by then. It waits a minute of its own, and evidence gathered for the earlier one
    // says nothing about it.
    const isOfAnother = () => isAlone && state.evidence !== known && patched('each-unknown-submit-has-its-evidence');
    await sleep('1 minute');
    if (state.phase !== 'submission_unknown' || open.hasEnded) return;
    if (isOfAnother()) continue;
    const { sentAt, balanceBefore } = state.evidence ?? {};
    let evidence: SubmissionEvidence | undefined;
    try {
      evidence = await boundedReads.gatherEvidence({
        model: state.model,
        input: facts.request.input,
        ...withoutUndefined({ sentAt, balanceBefore }),
      });
    } catch (error) {
      const { message: reason } = readActivityError(error);
      log.warn('no evidence could be gathered for the unknown submission', { reason });
    }
    if (isOfAnother()) continue;
    if (evidence) state.evidence = { ...state.evidence, ...evidence };
    return;
  }
}

/**
 * Resolves an unknown submission in generations that began before every decision was answered, as their histories
 * demand.
 */
async function resolveAsBefore(generation: Generation): Promise<string | undefined> {
  const { state, facts, wishes, doubt } = generation;
  const policy = facts.request.onUnknownSubmission ?? 'hold';
  const { isPolicyDue } = doubt;
  doubt.isPolicyDue = false;
  if (isPolicyDue && policy !== 'hold') {
    const hasCome = () => wishes.handedOverRequestId !== undefined;
    if (doubt.mayTurnUpUntil !== undefined) await condition(hasCome, '15 seconds');
    const late = takeHandedOver(generation);
    if (late !== undefined) return late;
    if (policy === 'fail') throw unknownEnd(generation);
    if (!doubt.hasResubmitted && !state.cancel && !wishes.isDeadlinePassed) {
      submitAgain(generation);
      return undefined;
    }
  }
  for (;;) {
    if (state.evidence?.balanceAfter === undefined) void completeEvidence(generation);
    const mayContinue = mayBeCarried(generation);
    await condition(
      () =>
        wishes.handedOverRequestId !== undefined ||
        wishes.decision !== undefined ||
        wishes.isDeadlinePassed ||
        wishes.isWorkflowCancelled ||
        (mayContinue && isContinueAsNewDue(generation)),
    );
    const late = takeHandedOver(generation);
    if (late !== undefined) return late;
    const resolution = answerDecision(generation);
    if (resolution?.action === 'adopt') return resolution.requestId;
    if (resolution?.action === 'resubmit') {
      submitAgain(generation);
      return undefined;
    }
    if (resolution?.action === 'abandon' || wishes.isDeadlinePassed || wishes.isWorkflowCancelled) {
      throw unknownEnd(generation);
    }
    await continueAsNewIfDue(generation);
  }
}
