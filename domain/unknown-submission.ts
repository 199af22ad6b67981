import type { SubmissionResolution, UnknownSubmissionPolicy } from './generation.ts';

/** What may hold for orders that do not say: a second bill is risked by whoever asks for it in the order alone. */
export const defaultUnknownPolicies = ['hold', 'fail'] as const satisfies readonly UnknownSubmissionPolicy[];

/** One of `defaultUnknownPolicies`. */
export type DefaultUnknownPolicy = (typeof defaultUnknownPolicies)[number];

/** All that counts while it is unknown whether RunComfy has accepted an order. */
export interface UnknownSubmissionStanding {
  policy: UnknownSubmissionPolicy;
  /** The order was sent a second time already. */
  hasResubmitted: boolean;
  /** A POST may still be under way, or its worker may be about to hand over the id. */
  mayTurnUp: boolean;
  /** Brought by a worker. */
  handedOverRequestId?: string | undefined;
  /** Given by a person. */
  decision?: SubmissionResolution | undefined;
  /** Somebody wants the generation cancelled, whichever way. */
  isCancelAsked: boolean;
  /** It was the workflow that was cancelled, which ends a hold. */
  isWorkflowCancelled: boolean;
  isDeadlinePassed: boolean;
}

/** What is done next. `refusal`: why a person's decision is not obeyed. */
export type UnknownSubmissionStep = (
  | { kind: 'wait' }
  | { kind: 'resubmit' }
  | { kind: 'end' }
  /** Go on with this request. */
  | { kind: 'follow'; requestId: string }
) & { refusal?: string };

/** Decides what follows from an unknown submission. A decision is obeyed, or the step says why it is not. */
export function nextUnknownSubmissionStep(standing: UnknownSubmissionStanding): UnknownSubmissionStep {
  const { handedOverRequestId, decision, isCancelAsked, isDeadlinePassed } = standing;
  if (handedOverRequestId !== undefined) return followHandedOver(handedOverRequestId, decision);
  switch (decision?.action) {
    case 'adopt':
      return { kind: 'follow', requestId: decision.requestId };
    case 'abandon':
      return { kind: 'end' };
    case 'resubmit': {
      if (!isCancelAsked && !isDeadlinePassed) return { kind: 'resubmit' };
      const reason = isCancelAsked ? 'a cancel was asked for' : 'the deadline has passed';
      return { ...undecidedStep(standing), refusal: `${reason}, so the order is not sent again; adopt or abandon` };
    }
    case undefined:
      return undecidedStep(standing);
  }
}

function followHandedOver(requestId: string, decision: SubmissionResolution | undefined): UnknownSubmissionStep {
  const isObeyed = decision === undefined || (decision.action === 'adopt' && decision.requestId === requestId);
  const refusal = `nothing to resolve any more: its worker has just brought request ${requestId}, which is followed`;
  return { kind: 'follow', requestId, ...(!isObeyed && { refusal }) };
}

function undecidedStep(standing: UnknownSubmissionStanding): UnknownSubmissionStep {
  const { policy, hasResubmitted, mayTurnUp, isCancelAsked, isWorkflowCancelled, isDeadlinePassed } = standing;
  if (mayTurnUp) return { kind: 'wait' };
  if (isWorkflowCancelled || isDeadlinePassed || policy === 'fail') return { kind: 'end' };
  return policy === 'resubmit' && !hasResubmitted && !isCancelAsked ? { kind: 'resubmit' } : { kind: 'wait' };
}
