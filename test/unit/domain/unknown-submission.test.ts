import { describe, expect, it } from 'vitest';
import type { SubmissionResolution } from '../../../domain/generation.ts';
import { nextUnknownSubmissionStep, type UnknownSubmissionStanding } from '../../../domain/unknown-submission.ts';

const both = [false, true];
const decisions: (SubmissionResolution | undefined)[] = [
  undefined,
  { action: 'adopt', requestId: 'handed-over' },
  { action: 'adopt', requestId: 'found-by-hand' },
  { action: 'resubmit' },
  { action: 'abandon' },
];

/** Everything that can have come together before the workflow looks. */
const standings: UnknownSubmissionStanding[] = (['hold', 'fail', 'resubmit'] as const).flatMap((policy) =>
  [undefined, 'handed-over'].flatMap((handedOverRequestId) =>
    decisions.flatMap((decision) =>
      both.flatMap((mayTurnUp) =>
        both.flatMap((hasResubmitted) =>
          both.flatMap((isDeadlinePassed) =>
            (['nobody', 'message', 'workflow'] as const).map((cancelledBy) => ({
              policy,
              handedOverRequestId,
              decision,
              mayTurnUp,
              hasResubmitted,
              isDeadlinePassed,
              isCancelAsked: cancelledBy !== 'nobody',
              isWorkflowCancelled: cancelledBy === 'workflow',
            })),
          ),
        ),
      ),
    ),
  ),
);

const steps = standings.map((standing) => ({ standing, step: nextUnknownSubmissionStep(standing) }));
const where = (isSo: (standing: UnknownSubmissionStanding) => boolean) =>
  steps.filter(({ standing }) => isSo(standing));
const expectAll = (found: typeof steps, isRight: (at: (typeof steps)[number]) => boolean) => {
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((at) => !isRight(at))).toEqual([]);
};

describe(`what follows from an unknown submission, in all ${String(standings.length)} standings`, () => {
  it('follows an id that was handed over, whatever else is wanted', () => {
    expectAll(
      where(({ handedOverRequestId }) => handedOverRequestId !== undefined),
      ({ step }) => step.kind === 'follow' && step.requestId === 'handed-over',
    );
  });

  it('obeys a decision, or says why it does not', () => {
    expectAll(
      where(({ decision }) => decision !== undefined),
      ({ standing: { decision }, step }) => {
        if (step.refusal !== undefined) return true;
        if (decision?.action === 'adopt') return step.kind === 'follow' && step.requestId === decision.requestId;
        return step.kind === (decision?.action === 'abandon' ? 'end' : 'resubmit');
      },
    );
  });

  it('refuses nothing where nothing was decided, and neither adopt nor abandon unless an id was handed over', () => {
    expectAll(
      where(
        ({ decision, handedOverRequestId }) =>
          decision === undefined || (decision.action !== 'resubmit' && handedOverRequestId === undefined),
      ),
      ({ step }) => step.refusal === undefined,
    );
  });

  it('never sends again after a cancel or the deadline, or beside an id', () => {
    expectAll(
      steps.filter(({ step }) => step.kind === 'resubmit'),
      ({ standing }) =>
        !standing.isCancelAsked && !standing.isDeadlinePassed && standing.handedOverRequestId === undefined,
    );
  });

  it('sends by itself only under the policy that says so, once, and only when no id may turn up any more', () => {
    expectAll(
      steps.filter(({ standing, step }) => step.kind === 'resubmit' && standing.decision?.action !== 'resubmit'),
      ({ standing }) => standing.policy === 'resubmit' && !standing.hasResubmitted && !standing.mayTurnUp,
    );
  });

  it('does not end while an id may turn up, unless a person abandons', () => {
    expectAll(
      steps.filter(({ standing, step }) => step.kind === 'end' && standing.mayTurnUp),
      ({ standing }) => standing.decision?.action === 'abandon',
    );
  });

  it('does not wait for ever once the deadline has passed or the workflow is cancelled', () => {
    expectAll(
      where(
        ({ mayTurnUp, isDeadlinePassed, isWorkflowCancelled }) =>
          !mayTurnUp && (isDeadlinePassed || isWorkflowCancelled),
      ),
      ({ step }) => step.kind !== 'wait' && step.kind !== 'resubmit',
    );
  });

  it('goes on in the same way once a decision was refused', () => {
    expectAll(
      steps.filter(({ step }) => step.refusal !== undefined),
      ({ standing, step }) => {
        const { refusal, ...rest } = step;
        return (
          refusal !== '' &&
          JSON.stringify(rest) === JSON.stringify(nextUnknownSubmissionStep({ ...standing, decision: undefined }))
        );
      },
    );
  });
});
