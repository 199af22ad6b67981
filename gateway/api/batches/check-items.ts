import type { BatchItem, BatchItemDefaults } from '../../../client/index.ts';
import { orderOfItem } from '../../../domain/batch/batch-item.ts';
import { createIssueList } from '../../../domain/issues.ts';
import { mayOrder, type Principal } from '../../access/principal.ts';
import type { Catalogue } from '../../gateway-parts.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { inTime } from '../../http/waiting.ts';
import { mayRun } from '../pipelines/start.ts';

/** What the items of a batch are ordered with. */
export interface ItemSetting {
  plan?: object | undefined;
  defaults?: BatchItemDefaults | undefined;
  /** The batch has a spending limit or a budget, so no item without a known price is ordered. */
  isLimited?: boolean;
}

/**
 * Time limit of the check, so that a slow catalogue does not delay the batch: a worker checks the remaining items
 * before it orders them.
 */
const lookForMs = 5_000;

/** Refuses items that a principal may not order, or that do not fit their models, before any of them is accepted. */
export async function checkItems(
  principal: Principal,
  catalogue: Catalogue,
  items: readonly BatchItem[],
  { plan, defaults = {}, isLimited = false }: ItemSetting,
): Promise<void> {
  refuseReserved(items);
  if (plan !== undefined) {
    mayRun(principal, { ...plan });
    return;
  }
  for (const model of new Set([defaults.model, ...items.map((item) => item.model)])) {
    if (model !== undefined) mayOrder(principal, model);
  }
  const issues = createIssueList();
  const unpriced = createIssueList();
  const giveUpAt = performance.now() + lookForMs;
  for (const [index, item] of items.entries()) {
    if (issues.isFull() || performance.now() > giveUpAt) break;
    const { model, input = {}, maxPriceUsd } = orderOfItem(item, defaults);
    if (model === undefined) continue;
    const report = await catalogue.check(model, input);
    if (report === 'unknown model') {
      const message = `RunComfy has no model ${model}, which item ${item.id} orders: see the list of models`;
      throw new RefusalError('ModelUnknown', message);
    }
    const place = `body.items.${String(index)}`;
    for (const { path, message } of report.issues) issues.add(`${place}.input${path.slice(1)}`, message);
    if (!isLimited || maxPriceUsd !== undefined || unpriced.isFull()) continue;
    const priceless = inTime(isPriceless(catalogue, model, input), giveUpAt - performance.now(), () => false);
    if (await priceless) unpriced.add(place, `no price of ${model} is known for this input: give maxPriceUsd`);
  }
  const found = issues.toIssues();
  if (found.length > 0) {
    throw new RefusalError('InvalidInput', 'items do not fit their models: nothing was sent', { issues: found });
  }
  const without = unpriced.toIssues();
  if (without.length === 0) return;
  const message = 'the batch has a limit, and items have no price that is known: nothing was sent';
  throw new RefusalError('PriceUnknown', message, { issues: without });
}

/**
 * Whether the catalogue has a model but no price for it. False if the catalogue does not answer: a worker then asks
 * until it does.
 */
async function isPriceless(catalogue: Catalogue, model: string, input: Record<string, unknown>): Promise<boolean> {
  try {
    const { usd } = await catalogue.price(model, input);
    return usd === undefined && (await catalogue.entry(model)) !== undefined;
  } catch {
    return false;
  }
}

/** Refuses item ids that would make the key of a late result, `<key>/late`. */
function refuseReserved(items: readonly BatchItem[]): void {
  const issues = createIssueList();
  for (const [index, { id }] of items.entries()) {
    if (id.endsWith('/late')) issues.add(`body.items.${String(index)}.id`, 'expected an id that does not end in /late');
  }
  const found = issues.toIssues();
  if (found.length === 0) return;
  throw new RefusalError('InvalidInput', 'items have ids that are reserved: nothing was sent', { issues: found });
}
