import { toNearestMicro, toUsd } from '../domain/budget/money.ts';
import type { EstimateLine } from '../domain/estimate.ts';
import { withoutUndefined } from '../domain/json.ts';
import { isPricedByInput, pricedFieldsOf, priceOf } from '../runcomfy/models/index.ts';
import type { PlannedOrder } from './checking.ts';
import { createModelLookup, type ModelFacts, type ModelLookupOptions } from './model-facts.ts';

/** The expected cost of each step: its own order for each item, without fallbacks. */
export function estimateOrders(orders: readonly PlannedOrder[]): EstimateLine[] {
  return orders.filter(({ rank }) => rank === 0).map(estimatePlanned);
}

/**
 * Why the price of a planned order is not known; undefined if it is. A fallback, or an order for items not known yet,
 * is priced when it is made: for these, why even that will not be possible.
 */
export function whyUnpriced(order: PlannedOrder): string | undefined {
  const { rank, count, isOfAnyItem, inputs, facts, maxPriceUsd } = order;
  if (rank === 0 && !isOfAnyItem) return estimatePlanned(order).why;
  if (maxPriceUsd !== undefined) return undefined;
  for (const { input, openFields } of inputs.slice(0, count ?? 1)) {
    const isOpen = 'entry' in facts && isPricedByInput(facts.entry) && openField(facts, openFields) !== undefined;
    const price = isOpen ? 0 : priceWith(facts, input);
    if (typeof price === 'string') return price;
  }
  return undefined;
}

/** The expected cost of `count` orders with the same input. */
export async function estimateModel(
  model: string,
  input: Record<string, unknown>,
  { count = 1, ...options }: ModelLookupOptions & { count?: number } = {},
): Promise<EstimateLine> {
  const facts = await createModelLookup(options).facts(model);
  const price = priceWith(facts, input);
  return lineOf({ what: model, model, facts, count }, typeof price === 'number' ? price * count : price);
}

function estimatePlanned({ step, model, facts, count, isOfAnyItem, inputs, maxPriceUsd }: PlannedOrder): EstimateLine {
  const of = { what: step, model, facts, count: count ?? null };
  if (count === undefined) return lineOf(of, 'how many orders there will be comes from a step');
  let total = 0;
  for (const { input, openFields } of inputs.slice(0, count)) {
    const open = openField(facts, openFields);
    const price = open
      ? `${open.field} comes from ${open.from === 'item' ? 'an item' : `step ${open.from}`}`
      : priceWith(facts, input);
    const ceiling = typeof price === 'number' ? price : maxPriceUsd;
    if (ceiling === undefined) return lineOf(of, price);
    total += toNearestMicro(ceiling) * (isOfAnyItem ? count : 1);
  }
  return lineOf(of, toUsd(total));
}

/** A field that affects the price and whose value is not known yet. */
function openField(facts: ModelFacts, fields: PlannedOrder['inputs'][number]['openFields']) {
  const pricedFields = 'entry' in facts ? pricedFieldsOf(facts.entry) : [];
  return fields.find(({ field }) => pricedFields.includes(field));
}

/** The price in USD, or why there is none. */
export function priceWith(facts: ModelFacts, input: Record<string, unknown>): number | string {
  if ('failure' in facts) return facts.failure;
  const price = priceOf(facts.entry, input);
  if (price !== undefined) return price;
  const { basePriceUsd, priceUnit } = facts.entry;
  if (basePriceUsd === undefined || basePriceUsd <= 0) return 'the catalogue gives no price';
  return `price_unit ${JSON.stringify(priceUnit ?? null)} is not understood, or what it counts is not in the input`;
}

function lineOf(
  { what, model, facts, count }: { what: string; model: string; facts: ModelFacts; count: number | null },
  price: number | string,
): EstimateLine {
  const { basePriceUsd, priceUnit } = 'entry' in facts ? facts.entry : {};
  if (typeof price === 'string') return { what, model, count, priceUsd: null, why: price };
  const isByUnit = basePriceUsd !== undefined && basePriceUsd > 0 && priceUnit !== undefined;
  return {
    what,
    model,
    count,
    ...(isByUnit &&
      withoutUndefined({
        unitPriceUsd: basePriceUsd,
        unit: priceUnit,
        units: Math.round((price / basePriceUsd) * 1e3) / 1e3,
      })),
    priceUsd: toUsd(toNearestMicro(price)),
  };
}
