import type { SubmitOrder } from '../../domain/activities.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { messageOf } from '../../domain/text.ts';
import { isRunComfyError, isTokenRefused, type RunComfyError } from '../../runcomfy/errors.ts';
import { findBundledModel } from '../../runcomfy/models/index.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { failure } from '../to-application-failure.ts';

/**
 * The expected price of an order in USD, if known. Throws if it is above a limit of the order, or if it is unknown and
 * the order has a `maxCostUsd`. For an order without limits the catalogue is not asked.
 */
export async function checkPrice(
  { expectedPriceUsd }: Pick<ActivityDeps, 'expectedPriceUsd'>,
  { model, input, maxPriceUsd, maxCostUsd, budgets }: SubmitOrder,
): Promise<number | undefined> {
  const isLimited = maxPriceUsd !== undefined || maxCostUsd !== undefined || budgets !== undefined;
  if (!isLimited && findBundledModel(model) === undefined) return undefined;
  const known = await expectedPriceUsd(model, input).catch((error: unknown) => {
    throw noAnswer(model, error);
  });
  const refuse = (type: FailureType, message: string, limitUsd: number, priceUsd?: number) =>
    failure(type, 'submit', `nothing was sent: ${message}`, {
      submission: 'not_sent',
      limitUsd,
      ...withoutUndefined({ priceUsd }),
    });
  if (maxPriceUsd !== undefined && known !== undefined && known > maxPriceUsd) {
    const message = `the price of ${String(known)} USD is above the maxPriceUsd of ${String(maxPriceUsd)}`;
    throw refuse('BudgetExceeded', message, maxPriceUsd, known);
  }
  const priceUsd = known ?? maxPriceUsd;
  if (maxCostUsd === undefined) return priceUsd;
  if (priceUsd === undefined) {
    const message = `the price of ${model} is not known, and there is a maxCostUsd: give a maxPriceUsd as well`;
    throw refuse('PriceUnknown', message, maxCostUsd);
  }
  if (priceUsd <= maxCostUsd) return priceUsd;
  const message = `the price of ${String(priceUsd)} USD is above the maxCostUsd of ${String(maxCostUsd)}`;
  throw refuse('BudgetExceeded', message, maxCostUsd, priceUsd);
}

/** The catalogue did not answer. This is not `PriceUnknown`: the next attempt asks again. */
function noAnswer(model: string, error: unknown): Error {
  const message = `nothing was sent: the catalogue does not tell what ${model} costs: ${messageOf(error)}`;
  const { type, retryAfterMs }: Partial<RunComfyError> = isRunComfyError(error) ? error : {};
  // As for a submit: a secret that is being rotated may be missing for a moment.
  const isTokenAway = type === 'Unauthenticated' && !isTokenRefused(error);
  const told = isTokenAway ? 'ServiceUnavailable' : (type ?? 'ServiceUnavailable');
  return failure(told, 'submit', message, { submission: 'not_sent' }, retryAfterMs);
}
