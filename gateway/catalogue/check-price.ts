import type { Catalogue } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { ofCatalogue } from './of-catalogue.ts';

/** What an order may cost, as its caller says it. */
export interface PriceLimit {
  /** What the caller calls it. */
  name: string;
  usd: number;
  /** Its budgets may take it for the price of an order whose price is not published. */
  hasBudgets?: boolean;
  /** What to do where no price is known. */
  otherwise: string;
}

/** Refuses an order that is expected to cost more than its limit, or nobody knows what, before anything is started. */
export async function checkPrice(
  catalogue: Catalogue,
  { model, input }: { model: string; input: Record<string, unknown> },
  { name, usd: limit, hasBudgets = false, otherwise }: PriceLimit,
): Promise<void> {
  const price = ofCatalogue(() => catalogue.price(model, input));
  // A worker asks again, for as long as the catalogue gives no answer.
  const { usd } = await (hasBudgets ? price.catch(() => ({ usd: undefined })) : price);
  if (usd === undefined && !hasBudgets) {
    throw new RefusalError('PriceUnknown', `no price of ${model} is known: ${otherwise}`);
  }
  if (usd === undefined || usd <= limit) return;
  const sentence = `the order is expected to cost ${String(usd)} USD, and ${name} is ${String(limit)}`;
  throw new RefusalError('PriceAboveLimit', `${sentence}: nothing was sent`);
}
