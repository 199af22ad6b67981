import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { FailureType } from '../../domain/failure-type.ts';
import type {
  AcceptedRequest,
  CancelReply,
  GenerationState,
  Phase,
  SubmissionResolution,
} from '../../domain/generation.ts';
import { messageNames } from '../../domain/names.ts';

/** Optional payload of signal and update `cancel`. */
export interface CancelMessage {
  reason?: string;
}

/** Reply of update `resolveSubmission`: where the decision led; `requestId` once known, `failure` if it ended. */
export interface SubmissionResolutionReply {
  phase: Phase;
  requestId?: string;
  failure?: FailureType;
}

/** Asks for a cancel at any time; the payload may be absent. */
export const cancelSignal = defineSignal<[CancelMessage?]>(messageNames.cancel);

/** Asks for a status read now. */
export const nudgeSignal = defineSignal(messageNames.nudge);

/** A person watches for the next minute: reads follow preset `interactive`, unless the order has waiting options. */
export const watchSignal = defineSignal(messageNames.watch);

/** Internal: a worker hands over a request id that its activity could not report. */
export const requestAcceptedSignal = defineSignal<[AcceptedRequest]>(messageNames.requestAccepted);

/** Asks for a cancel and returns its outcome; the payload may be absent. */
export const cancelUpdate = defineUpdate<CancelReply, [CancelMessage?]>(messageNames.cancel);

/** Decides about a submission whose outcome is unknown; refused in any other state. */
export const resolveSubmissionUpdate = defineUpdate<SubmissionResolutionReply, [SubmissionResolution]>(
  messageNames.resolveSubmission,
);

/** Where a generation stands; answered for closed runs too. */
export const stateQuery = defineQuery<GenerationState>(messageNames.state);
