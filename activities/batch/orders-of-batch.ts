import type { WindowQuestion } from '../../domain/batch/batch-activities.ts';
import { orderOfItem, pipelineOfItem } from '../../domain/batch/batch-item.ts';
import type { BatchItem } from '../../domain/batch/batch.ts';
import type { ItemFailure } from '../../domain/batch/item-end.ts';
import type { ItemMark, ItemStart, Made, OrderPlace } from '../../domain/batch/item-order.ts';
import { toMicro } from '../../domain/budget/money.ts';
import { sumUp } from '../../domain/estimate.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { isMissing } from '../../domain/request-checks.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { estimateOrders } from '../../plans/estimate.ts';
import { createModelLookup, type ModelFacts, withMemory } from '../../plans/model-facts.ts';
import { priceOf } from '../../runcomfy/models/index.ts';
import type { BatchDeps, ItemOrders } from './batch-deps.ts';
import type { ItemToOrder } from './item-reader.ts';

/**
 * What is known of an item before it is started: its price in micro-dollars if known, a failure if it cannot be
 * ordered, or `unavailable` if the catalogue could not be asked for the price that a limit needs.
 */
export type ItemCheck = { price?: number } | { failure: ItemFailure } | 'unavailable';

/** The orders of the items of one batch. */
export interface OrdersOfBatch {
  /**
   * Prices an item by the catalogue, with one look-up per model; if that gives no price, the item's own limit is taken.
   */
  check: (item: ItemToOrder) => Promise<ItemCheck>;
  start: (item: BatchItem, place: OrderPlace) => Promise<ItemStart>;
  follow: ItemOrders<object>['follow'];
  closedAt: ItemOrders<object>['closedAt'];
  wasStarted: (item: ItemToOrder, mark: ItemMark) => Promise<Made>;
}

/** Orders items as generations, or as pipelines of the batch's plan. */
export function ordersOfBatch(deps: BatchDeps, question: WindowQuestion): OrdersOfBatch {
  const { plan, defaults, budgets, maxCost } = question;
  const hasLimit = maxCost !== undefined || budgets !== undefined;
  if (plan === undefined) {
    const models = createModelLookup(deps.lookup);
    return {
      check: async ({ item, problem }) =>
        problem === undefined
          ? priced(await priceOfOrder(models, orderOfItem(item, defaults)), hasLimit)
          : invalid([{ path: '$', message: problem }]),
      start: (item, place) => deps.orders.start(orderOfItem(item, defaults, budgets), place),
      follow: deps.orders.follow,
      closedAt: deps.orders.closedAt,
      wasStarted: ({ key, item }, mark) => deps.orders.wasStarted(key, mark, orderOfItem(item, defaults)),
    };
  }
  const lookup = withMemory(deps.lookup);
  return {
    async check({ item, problem }) {
      if (problem !== undefined) return invalid([{ path: '$', message: problem }]);
      const { params, maxCostUsd } = pipelineOfItem(item, plan, defaults);
      const { checked, issues } = await checkPlan(plan, { ...lookup, ...(params && { params }) });
      if (checked === undefined) return invalid(issues);
      const { totalUsd } = sumUp(estimateOrders(checked.orders));
      const isUnavailable = checked.orders.some(({ facts }) => isAway(facts));
      return priced({ price: totalUsd ?? maxCostUsd, isUnavailable }, hasLimit);
    },
    start: (item, place) => deps.pipelines.start(pipelineOfItem(item, plan, defaults, budgets), place),
    follow: deps.pipelines.follow,
    closedAt: deps.pipelines.closedAt,
    wasStarted: ({ key, item }, mark) => deps.pipelines.wasStarted(key, mark, pipelineOfItem(item, plan, defaults)),
  };
}

async function priceOfOrder(
  models: ReturnType<typeof createModelLookup>,
  { model, input, maxPriceUsd }: ReturnType<typeof orderOfItem>,
) {
  const facts = model === undefined ? undefined : await models.facts(model);
  const known = facts && 'entry' in facts ? priceOf(facts.entry, input ?? {}) : undefined;
  return { price: known ?? maxPriceUsd, isUnavailable: facts !== undefined && isAway(facts) };
}

function isAway(facts: ModelFacts): boolean {
  return 'failure' in facts && facts.isAway === true;
}

function priced(
  { price, isUnavailable }: { price: number | undefined; isUnavailable: boolean },
  hasLimit: boolean,
): ItemCheck {
  // A missing price must never count as a price of 0.
  if (!isMissing(price)) return { price: toMicro(price) };
  return isUnavailable && hasLimit ? 'unavailable' : {};
}

function invalid(issues: InputIssue[]): ItemCheck {
  const message = `nothing was sent, the item is not valid: ${issuesSentence(issues)}`;
  return { failure: { error: { type: 'InvalidInput', message, submission: 'not_sent', issues } } };
}
