import type { EndedItem, OpenItem, WindowQuestion, WindowStop } from '../../domain/batch/batch-activities.ts';
import { boundLine, statusOfFailure } from '../../domain/batch/batch-line.ts';
import type { BatchLine } from '../../domain/batch/batch.ts';
import { hasBills, type ItemEnd, type ItemFailure, type PaidBefore, withPaid } from '../../domain/batch/item-end.ts';
import { toMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { withoutUndefined } from '../../domain/json.ts';

/** The names of an item. */
export interface ItemNames {
  id: string;
  key: string;
}

/** The line of an item that has ended, and what the item has cost or is presumed to have cost. */
export function endOfItem(open: OpenItem, { id, key }: ItemNames, given: ItemEnd, before: PaidBefore = {}): EndedItem {
  const whole = withPaid(given, before);
  const end = 'failure' in whole ? { failure: withEarlierBills(whole.failure) } : whole;
  const { index, price, attached, isRepeat } = open;
  const told = 'result' in end ? end.result : end.failure;
  const { requestId, costUsd, presumedUsd = 0, unpricedBills = 0 } = told;
  const { priceUsd = price === undefined ? undefined : toUsd(price) } = told;
  // An item that a lost window started comes without its price.
  const expected = price ?? toMicro(priceUsd ?? 0);
  const names = { id, key };
  const made = 'result' in end ? withoutUndefined({ output: end.result.output, outputs: end.result.outputs }) : {};
  const figures = withoutUndefined({ requestId, costUsd, priceUsd, attached });
  const line: BatchLine =
    'result' in end
      ? {
          ...names,
          status: 'succeeded',
          ...made,
          ...figures,
          ...withoutUndefined({ timings: end.result.timings, error: end.result.error }),
        }
      : { ...names, status: statusOfFailure(end.failure.error.type), ...figures, error: end.failure.error };
  const known = costUsd === undefined || isRepeat ? 0 : toMicro(costUsd);
  const presumed = isRepeat ? 0 : toMicro(presumedUsd) + unpricedBills * expected;
  const isOpen = !isRepeat && (told.isCostPartial === true || (costUsd === undefined && mayHaveCost(end)));
  const isPresumed = isOpen || presumed > 0;
  return {
    index,
    line: boundLine(line),
    cost: isOpen ? Math.max(known + presumed, expected) : known + presumed,
    ...(isPresumed && { presumed: true, ...(known > 0 && { known }) }),
    ...(priceUsd === undefined && mayHaveCost(end) && { unpriced: true }),
  };
}

/** The wall that an order met and that every other order would meet as well; undefined if there is none. */
export function wallOf(end: ItemEnd): WindowStop | undefined {
  if (!('failure' in end)) return undefined;
  const { error, budget } = end.failure;
  const { type, message, submission } = error;
  if (!isUnbilled(submission)) return undefined;
  if (type === 'InsufficientBalance') return { reason: 'balance', message };
  if (type === 'Unauthenticated') return { reason: 'unauthenticated', message };
  return type === 'BudgetExceeded' && budget !== undefined ? { reason: 'budget', message } : undefined;
}

/**
 * The end of an item that is no longer waited for, though it may continue under its key. A cancelled order is not
 * always all that was sent.
 */
export function letGoOfItem(
  { cancel = 'unknown', attached }: OpenItem,
  { plan, defaults }: Pick<WindowQuestion, 'plan' | 'defaults'>,
): ItemEnd {
  const message = 'the batch was cancelled without waiting for it; what it becomes stands under its key';
  // Under another policy, or by a person's decision, an order whose first submit was in doubt is sent again.
  const isSentOnce = !attached && (defaults.onUnknownSubmission ?? 'fail') === 'fail';
  const isFree = plan === undefined && (cancel === 'not_submitted' || (cancel === 'cancelled' && isSentOnce));
  const error = { type: 'GenerationCancelled', message, submission: 'unknown', cancel } as const;
  return { failure: { error, ...(isFree && { isFree }) } };
}

/** A pipeline may have been billed for other orders than its last, also in an earlier run. */
function withEarlierBills(failure: ItemFailure): ItemFailure {
  const { error } = failure;
  return hasBills(failure) && isUnbilled(error.submission)
    ? { ...failure, error: { ...error, submission: 'accepted' } }
    : failure;
}

function mayHaveCost(end: ItemEnd): boolean {
  return 'result' in end || !(end.failure.isFree === true || isUnbilled(end.failure.error.submission));
}
