import type { SubmissionResolution, UnknownSubmissionPolicy } from './generation.ts';

/**
 * Policies allowed as the default for orders that name none. `resubmit` is not one of them: only the order itself can
 * accept the risk of a second bill.
 */
export const defaultUnknownPolicies = ['hold', 'fail'] as const satisfies readonly UnknownSubmissionPolicy[];

/** One of `defaultUnknownPolicies`. */
export type DefaultUnknownPolicy = (typeof defaultUnknownPolicies)[number];

/** The policy of an order that names none. */
export const unsaidUnknownPolicy: DefaultUnknownPolicy = 'hold';

/** Everything that matters while it is unknown whether RunComfy accepted an order. */
export interface UnknownSubmissionStanding {
  policy: UnknownSubmissionPolicy;
  /** The order has already been sent a second time. */
  hasResubmitted: boolean;
  /** A POST may still be in flight, or its worker may be about to hand over the request id. */
  mayTurnUp: boolean;
  /** A request id handed over by a worker. */
  handedOverRequestId?: string | undefined;
  /** Given by a person. */
  decision?: SubmissionResolution | undefined;
  /** Cancellation of the generation was requested, by whichever way. */
  isCancelAsked: boolean;
  /** The workflow itself was cancelled, which ends a hold. */
  isWorkflowCancelled: boolean;
  isDeadlinePassed: boolean;
}

/** What to do next. `refusal`: why a person's decision is not followed. */
export type UnknownSubmissionStep = (
  | { kind: 'wait' }
  | { kind: 'resubmit' }
  | { kind: 'end' }
  /** Continue with this request. */
  | { kind: 'follow'; requestId: string }
) & { refusal?: string };

/** Decides the next step for an unknown submission. If a person's decision is not followed, the step says why. */
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
