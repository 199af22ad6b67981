import { condition, log, metricMeter, sleep } from '@temporalio/workflow';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import { evidenceNote } from '../../domain/generation.ts';
import { boundedReads } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { stepCancel } from './cancellation.ts';
import { continueAsNewIfDue, isContinueAsNewDue } from './continue-as-new.ts';
import { cancelledEnd, endOf } from './endings.ts';
import type { Generation } from './memory.ts';
import { enterPhase, noteSearchAttributes } from './visibility.ts';
import { settleCancelWish, takeHandedOver, takeResolution } from './wishes.ts';

/** What is known of a POST that may have been accepted. */
export interface UnknownSubmit {
  /** The activity itself said so; otherwise its worker may still know better. */
  isReported: boolean;
  message: string;
  details: ActivityFailureDetails;
}

/** The submission is unknown from here on: there is nothing that a cancel could stop. */
export function enterUnknown(generation: Generation): void {
  generation.state.submission = 'unknown';
  stepCancel(generation, 'request_unknown');
  settleCancelWish(generation);
  enterPhase(generation, 'submission_unknown', 'now');
}

/**
 * Follows the caller's policy. A request id: it turned up. Undefined: the phase says what to do next, to hold or to send
 * again. Every end is thrown.
 */
export async function faceUnknown(generation: Generation, unknown: UnknownSubmit): Promise<string | undefined> {
  const { state, facts, wishes, doubt } = generation;
  const { sentAt, balanceBefore, searchAttributes } = unknown.details;
  noteSearchAttributes(generation, searchAttributes);
  state.evidence = {
    ...(sentAt !== undefined && { sentAt }),
    ...(balanceBefore && { balanceBefore }),
    note: evidenceNote,
  };
  doubt.unknownBecause = unknown.message;
  enterUnknown(generation);
  log.warn('submission unknown: RunComfy may have accepted the order', { model: state.model, reason: unknown.message });
  metricMeter
    .createCounter('runcomfy_unknown_submissions', '{submission}', 'Submits whose outcome is unknown')
    .add(1, { model: state.model });

  const policy = facts.request.onUnknownSubmission ?? 'hold';
  if (policy === 'hold') return undefined;
  if (!unknown.isReported) await condition(() => wishes.handedOverRequestId !== undefined, '15 seconds');
  const late = takeHandedOver(generation);
  if (late !== undefined) return late;
  if (policy === 'fail') throw unknownEnd(generation);
  if (!doubt.hasResubmitted && !state.cancel && !wishes.isDeadlinePassed) submitAgain(generation);
  return undefined;
}

/**
 * Stays open until the id turns up, which is returned, a person decides, the deadline passes or the workflow is
 * cancelled. Undefined: the phase says what to do next.
 */
export async function hold(generation: Generation): Promise<string | undefined> {
  const { state, wishes } = generation;
  if (state.evidence?.balanceAfter === undefined) void completeEvidence(generation);
  await condition(
    () =>
      wishes.handedOverRequestId !== undefined ||
      wishes.resolution !== undefined ||
      wishes.isDeadlinePassed ||
      wishes.isWorkflowCancelled ||
      isContinueAsNewDue(generation),
  );
  const late = takeHandedOver(generation);
  if (late !== undefined) return late;
  const resolution = takeResolution(generation);
  if (resolution?.action === 'adopt') return resolution.requestId;
  if (resolution?.action === 'resubmit') {
    submitAgain(generation);
  } else if (resolution?.action === 'abandon' || wishes.isDeadlinePassed || wishes.isWorkflowCancelled) {
    throw unknownEnd(generation);
  } else {
    await continueAsNewIfDue(generation);
  }
  return undefined;
}

function submitAgain(generation: Generation): void {
  generation.doubt.hasResubmitted = true;
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

/** Reads the balance once more, a minute after the submission became unknown; the hold does not wait for it. */
async function completeEvidence({ state, facts, open }: Generation): Promise<void> {
  await sleep('1 minute');
  if (state.phase !== 'submission_unknown' || open.hasEnded) return;
  const { sentAt, balanceBefore } = state.evidence ?? {};
  try {
    state.evidence = await boundedReads.gatherEvidence({
      model: state.model,
      input: facts.request.input,
      ...(sentAt !== undefined && { sentAt }),
      ...(balanceBefore && { balanceBefore }),
    });
  } catch (error) {
    log.warn('no evidence could be gathered for the unknown submission', { reason: readActivityError(error).message });
  }
}
