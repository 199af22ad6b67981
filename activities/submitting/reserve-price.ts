import { activityInfo, getClient, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ActivityFailureDetails, SubmitHeartbeat, SubmitOrder } from '../../domain/activities.ts';
import type { BudgetGrant, SettlementOutcome } from '../../domain/budget/budget.ts';
import { toMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled, readFailureDetails } from '../../domain/failure-details.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import { messageOf } from '../../domain/text.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { failure } from '../to-application-failure.ts';

/**
 * Time for reserving in all budgets, in milliseconds. With the acknowledgement before it, it stays within the heartbeat
 * timeout of a submit (10 s); the next attempt asks again.
 */
const reserveWithinMs = 6_000;
const acknowledgeWithinMs = 3_000;

/**
 * Sends an order once its price is reserved in each of its budgets. An attempt that sent nothing or was refused gives
 * back what it reserved, so what stays reserved may have been sent, whatever becomes of the workflow.
 */
export async function withReservedPrice<Reply>(
  deps: ActivityDeps,
  order: SubmitOrder,
  priceUsd: number | undefined,
  send: (grants?: BudgetGrant[]) => Promise<Reply>,
): Promise<Reply> {
  const { budgets = [] } = order;
  if (budgets.length === 0) return await send();
  const grants: BudgetGrant[] = [];
  try {
    await reserveInEach(deps, order, priceUsd, grants);
    return await send(grants);
  } catch (error) {
    const submission = error instanceof ApplicationFailure ? submissionOf(error) : undefined;
    if (isUnbilled(submission)) giveBack(deps, grants, submission === 'refused' ? 'refused' : 'not_submitted');
    throw error;
  }
}

async function reserveInEach(
  { budgets: desk }: ActivityDeps,
  { budgets = [], sentBefore = 0 }: SubmitOrder,
  orderUsd: number | undefined,
  grants: BudgetGrant[],
): Promise<void> {
  // The grants let the workflow say later what this refusal means.
  const refusal = (type: FailureType, message: string, more: ActivityFailureDetails = {}) =>
    failure(type, 'submit', `nothing was sent: ${message}`, { submission: 'not_sent', ...more, grants });
  if (orderUsd === undefined) {
    throw refusal('PriceUnknown', 'the price is not known, and there is a budget: give a maxPriceUsd as well');
  }
  // Earlier submits of unknown outcome may be billed besides this one. At least 1 micro-dollar: no order is free, so a
  // limit of 0 admits none.
  const price = Math.max(1, toMicro(orderUsd));
  const reservedUsd = toUsd((1 + sentBefore) * price);
  const isOfMore = sentBefore > 0 ? ', with what earlier submits of it may cost,' : '';
  await tellAlive();
  const giveUpAt = Date.now() + reserveWithinMs;
  for (const budget of budgets) {
    const request = { key: activityInfo().workflowExecution?.workflowId ?? '', priceUsd: reservedUsd };
    const verdict = await desk.reserve(budget, request, giveUpAt - Date.now()).catch((error: unknown) => {
      throw refusal('ServiceUnavailable', `budget "${budget}" gives no verdict: ${messageOf(error)}`);
    });
    if (verdict === 'no_budget') {
      const issues = [{ path: 'request.budgets', message: `there is no budget "${budget}"` }];
      throw refusal('InvalidInput', `there is no budget "${budget}": create it, or correct the name`, { issues });
    }
    const { granted, availableUsd, limitUsd, grant, again } = verdict;
    if (!granted) {
      const message = `the price of ${String(reservedUsd)} USD${isOfMore} is above the ${String(availableUsd)} USD that are left of budget "${budget}" (limit ${String(limitUsd)} USD)`;
      throw refusal('BudgetExceeded', message, { budget, limitUsd, availableUsd, priceUsd: toUsd(price) });
    }
    if (grant !== undefined) grants.push({ budget, grant, ...(again && { again }) });
  }
}

/**
 * Sends a heartbeat: checks and the wait for a turn may have used up most of the time that a worker may be silent.
 * Waits for the acknowledgement, since the heartbeat must not arrive late.
 */
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

/**
 * Gives grants back without waiting: a later grant of the same key has another number, and the budget looks up what
 * gets lost. A grant that existed before stays, since it may be for an order sent earlier, e.g. by the run before a
 * reset.
 */
function giveBack({ budgets: desk }: ActivityDeps, grants: BudgetGrant[], outcome: SettlementOutcome): void {
  const key = activityInfo().workflowExecution?.workflowId ?? '';
  for (const { budget, grant, again } of grants) {
    if (again) continue;
    void desk.settle(budget, { key, outcome, grant }).catch((error: unknown) => {
      log.warn('a reservation could not be given back', { budget, key, reason: messageOf(error) });
    });
  }
}

function submissionOf(error: ApplicationFailure): unknown {
  return readFailureDetails<ActivityFailureDetails>(error).submission;
}
