import { activityInfo, log } from '@temporalio/activity';
import type { Activities } from '../../domain/activities.ts';
import { messageOf } from '../../domain/text.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { knownAttributes } from '../known-attributes.ts';
import { failure } from '../to-application-failure.ts';
import { earlierSubmit } from './earlier-submit.ts';
import { submitOfEarlierRuns } from './submit-of-earlier-runs.ts';

/**
 * Sends an order only if no earlier run of its chain may have had it accepted. An accepted order is taken over. One
 * that may have been accepted, including a POST still in flight, is unknown until its id turns up or somebody decides.
 */
export function takeOverAccepted(deps: ActivityDeps, submit: Activities['submitRequest']): Activities['submitRequest'] {
  return async (order) => {
    const { model, firstExecutionRunId } = order;
    const earlier = await submitOfEarlierRuns(deps, firstExecutionRunId).catch((error: unknown) => {
      const message = `Temporal could not be asked what the runs before the reset had submitted: ${messageOf(error)}`;
      throw failure('ServiceUnavailable', 'submit', message, { submission: 'not_sent' });
    });
    switch (earlier.kind) {
      case 'nothing':
        return await submit(order);
      case 'unknown':
        throw failure(
          'SubmitOutcomeUnknown',
          'submit',
          "the run was reset, and the run before it may have submitted the order, so this one did not; look at the account's generations before ordering again",
          {
            submission: 'unknown',
            mayBeHandedOver: true,
            ...(earlier.sentAt !== undefined && { sentAt: earlier.sentAt }),
          },
        );
      case 'accepted': {
        const { requestId, acceptedAt } = earlier;
        log.warn('RunComfy has accepted this order before; nothing was sent', { model, requestId, acceptedAt });
        return {
          requestId,
          submittedAt: acceptedAt,
          nextReadInMs: 0,
          ...(isOfEarlierSubmit(firstExecutionRunId) && { isOfEarlierSubmit: true }),
          isNextReadSoon: true,
          ...knownAttributes(deps),
          warnings: [
            `RunComfy accepted this order at ${acceptedAt}: its request was taken over, nothing was sent again`,
          ],
        };
      }
    }
  };
}

/**
 * Whether the order was surely sent by another submit: neither by an earlier attempt of this one, nor by this very
 * submit in the run before a reset.
 */
function isOfEarlierSubmit(firstExecutionRunId: string): boolean {
  return earlierSubmit().kind === 'nothing' && activityInfo().workflowExecution?.runId === firstExecutionRunId;
}
