import { activityInfo, getClient, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityFailureDetails, SubmitHeartbeat, SubmitOrder } from '../../domain/activities.ts';
import type { SettlementOutcome } from '../../domain/budget/budget.ts';
import { isUnbilled, readFailureDetails } from '../../domain/failure-details.ts';
import { messageOf } from '../../domain/text.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { failure } from '../to-application-failure.ts';

/** Together with the acknowledgement before it within the heartbeat timeout of a submit, 10 s; the next attempt asks again. */
const reserveWithinMs = 6_000;
const acknowledgeWithinMs = 3_000;

/** What an attempt has set aside, and names when it gives it back. */
interface Held {
  budget: string;
  grant: number;
}

/**
 * Sends an order once its price is reserved in each of its budgets. An attempt that sent nothing, or was refused, gives back
 * what it had reserved: so what stays reserved may have been sent, whatever becomes of the workflow.
 */
export async function withReservedPrice<Reply>(
  deps: ActivityDeps,
  order: SubmitOrder,
  priceUsd: number | undefined,
  send: () => Promise<Reply>,
): Promise<Reply> {
  const { budgets = [] } = order;
  if (budgets.length === 0) return await send();
  const held: Held[] = [];
  try {
    await reserveInEach(deps, budgets, priceUsd, held);
    return await send();
  } catch (error) {
    const submission = error instanceof ApplicationFailure ? submissionOf(error) : undefined;
    if (isUnbilled(submission)) giveBack(deps, held, submission === 'refused' ? 'refused' : 'not_submitted');
    throw error;
  }
}

async function reserveInEach(
  { budgets: desk }: ActivityDeps,
  names: string[],
  priceUsd: number | undefined,
  held: Held[],
): Promise<void> {
  if (priceUsd === undefined) {
    const message = 'nothing was sent: the price is not known, and there is a budget: give a maxPriceUsd as well';
    throw failure('PriceUnknown', 'submit', message, { submission: 'not_sent' });
  }
  await tellAlive();
  const giveUpAt = Date.now() + reserveWithinMs;
  for (const budget of names) {
    const request = { key: activityInfo().workflowExecution?.workflowId ?? '', priceUsd };
    const verdict = await desk.reserve(budget, request, giveUpAt - Date.now()).catch((error: unknown) => {
      const message = `nothing was sent: budget "${budget}" gives no verdict: ${messageOf(error)}`;
      throw failure('ServiceUnavailable', 'submit', message, { submission: 'not_sent' });
    });
    if (verdict === 'no_budget') {
      const message = `nothing was sent: there is no budget "${budget}": create it, or correct the name`;
      const issues = [{ path: 'request.budgets', message: `there is no budget "${budget}"` }];
      throw failure('InvalidInput', 'submit', message, { submission: 'not_sent', issues });
    }
    const { granted, availableUsd, limitUsd, grant, again } = verdict;
    if (!granted) {
      const message = `nothing was sent: the price of ${String(priceUsd)} USD is above the ${String(availableUsd)} USD that are left of budget "${budget}" (limit ${String(limitUsd)} USD)`;
      throw failure('BudgetExceeded', 'submit', message, {
        submission: 'not_sent',
        budget,
        limitUsd,
        availableUsd,
        priceUsd,
      });
    }
    // What was reserved before may stand for an order that was sent before: by the run before a reset, for instance.
    if (grant !== undefined && !again) held.push({ budget, grant });
  }
}

/** Checks and turn may have taken most of the time that a worker may be silent. Acknowledged: it must not come late. */
async function tellAlive(): Promise<void> {
  try {
    const { taskToken } = activityInfo();
    const alive: SubmitHeartbeat = { stage: 'not_sent', at: new Date().toISOString() };
    const client = getClient();
    await client.withDeadline(Date.now() + acknowledgeWithinMs, () => client.activity.heartbeat(taskToken, alive));
  } catch (error) {
    const message = `nothing was sent: Temporal did not acknowledge that the price is about to be reserved: ${messageOf(error)}`;
    throw failure('ServiceUnavailable', 'submit', message, { submission: 'not_sent' });
  }
}

/** Nobody waits for it: a later grant of the same key has another number, and what gets lost is looked up by the budget. */
function giveBack({ budgets: desk }: ActivityDeps, held: Held[], outcome: SettlementOutcome): void {
  const key = activityInfo().workflowExecution?.workflowId ?? '';
  for (const { budget, grant } of held) {
    void desk.settle(budget, { key, outcome, grant }).catch((error: unknown) => {
      log.warn('a reservation could not be given back', { budget, key, reason: messageOf(error) });
    });
  }
}

function submissionOf(error: ApplicationFailure): unknown {
  return readFailureDetails<ActivityFailureDetails>(error).submission;
}
