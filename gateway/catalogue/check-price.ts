import type { Catalogue } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { ofCatalogue } from './of-catalogue.ts';

/** The caller's limit for the price of an order. */
export interface PriceLimit {
  /** The caller's name for the limit, for messages. */
  name: string;
  usd: number;
  /** The order names budgets, which may reserve this amount if its price is not published. */
  hasBudgets?: boolean;
  /** What the caller can do if no price is known, for messages. */
  otherwise: string;
}

/** Refuses an order whose expected price exceeds the limit or is not known, before anything is started. */
export async function checkPrice(
  catalogue: Catalogue,
  { model, input }: { model: string; input: Record<string, unknown> },
  { name, usd: limit, hasBudgets = false, otherwise }: PriceLimit,
): Promise<void> {
  const price = ofCatalogue(() => catalogue.price(model, input));
  // With budgets, a failed price lookup is left to a worker, which repeats it until the catalogue answers.
  const { usd } = await (hasBudgets ? price.catch(() => ({ usd: undefined })) : price);
  if (usd === undefined && !hasBudgets) {
    throw new RefusalError('PriceUnknown', `no price of ${model} is known: ${otherwise}`);
  }
  if (usd === undefined || usd <= limit) return;
  const sentence = `the order is expected to cost ${String(usd)} USD, and ${name} is ${String(limit)}`;
  throw new RefusalError('PriceAboveLimit', `${sentence}: nothing was sent`);
}
