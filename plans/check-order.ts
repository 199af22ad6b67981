import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, withoutUndefined } from '../domain/json.ts';
import type { MediaKind } from '../domain/media.ts';
import type { PlanOrder } from '../domain/pipeline/pipeline.ts';
import { isModelId, modelIdWords } from '../domain/request.ts';
import { compileInputSchema, modelKind, validateInput } from '../runcomfy/models/index.ts';
import type { CatalogueModel } from '../runcomfy/schemas/catalogue.ts';
import { checkMediaAsked, checkWiring } from './check-wiring.ts';
import { attempt, type Checking, checkText, type SettledModel } from './checking.ts';
import { evaluateValue, type Values } from './evaluate.ts';
import type { Scope } from './expressions/expression-types.ts';
import { describeValue } from './field-reader.ts';
import { ordersOf } from './graph.ts';
import { type HeldInput, holdOpen } from './hold-open.ts';
import { isUnsettled } from './known-before.ts';
import type { ModelLookup } from './model-facts.ts';

/** The items of a step's `forEach`. */
export interface Items {
  /** CEL type of `item`; undefined without a `forEach`. */
  type?: string;
  /** The items, if they are known before anything is ordered. */
  known?: unknown[];
  /** The number of items, if it is known although the items are not. */
  count?: number;
}

export interface OrderToCheck {
  id: string;
  rank: number;
  order: PlanOrder;
  path: string;
  items: Items;
}

/**
 * Looks up the models of all orders, before the orders are checked: expressions of any step may refer to what another
 * step makes.
 */
export async function settleModels(checking: Checking, lookup: ModelLookup): Promise<void> {
  const { plan, models, kinds } = checking;
  for (const id of Object.keys(plan.steps)) {
    const ofStep: (MediaKind | undefined)[] = [];
    for (const { order, path } of ordersOf(plan, id)) {
      const settled = await settleModel(checking, lookup, { text: order.model, path: `${path}.model` });
      models.set(path, settled);
      ofStep.push(settled.known?.kind);
    }
    kinds.set(id, ofStep);
  }
}

/** Checks an order of a step, once for each known item. */
export function checkOrder(checking: Checking, { id, rank, order, path, items }: OrderToCheck): void {
  const { known, expressions = [], issues = [], valueIssues = [] } = checking.models.get(path) ?? {};
  checking.issues.push(...issues);
  if (isUnsettled(checking.unsettled, expressions)) {
    const held = holdInputs(checking, order, `${path}.input`, items, undefined);
    checkInputs(checking, held, { model: order.model, entry: undefined, path: `${path}.input` });
    return;
  }
  checking.issues.push(...valueIssues);
  if (known === undefined) return;
  const { model, facts, kind } = known;
  if ('failure' in facts) {
    if (facts.isUnknown) checking.issues.push({ path: `${path}.model`, message: `RunComfy has no model ${model}` });
    else checking.warnings.push(`${path}.input could not be checked against the schema of ${model} (${facts.failure})`);
  } else if (kind === undefined) {
    checking.warnings.push(`${path}.model: whether ${model} makes images, videos or audio is not known`);
  }
  const entry = 'entry' in facts ? facts.entry : undefined;
  const held = holdInputs(checking, order, `${path}.input`, items, entry);
  checkInputs(checking, held, { model, entry, path: `${path}.input` });
  checking.orders.push({
    step: id,
    rank,
    path,
    model,
    facts,
    count: items.type === undefined ? 1 : (items.known?.length ?? items.count),
    isOfAnyItem: items.type !== undefined && items.known === undefined,
    inputs: held.map(({ input, places }) => ({
      input: isJsonObject(input) ? input : {},
      openFields: places.flatMap(({ path: at, openUntil }) => {
        const field = /^\$\.([A-Za-z_][A-Za-z0-9_]*)/.exec(at)?.[1];
        return field === undefined || openUntil === undefined ? [] : [{ field, from: openUntil }];
      }),
    })),
    ...withoutUndefined({ maxPriceUsd: order.maxPriceUsd, onWall: order.onWall }),
  });
}

/** The input of each known item; if the items are not known, one input in which they are left open. */
function holdInputs(
  { checker, values, unsettled }: Checking,
  order: PlanOrder,
  path: string,
  items: Items,
  entry: CatalogueModel | undefined,
): HeldInput[] {
  const node = entry?.inputSchema && compileInputSchema(entry.inputSchema).node;
  const scope: Scope = items.type === undefined ? {} : { itemType: items.type };
  const hold = (known: Values, isItemKnown: boolean) =>
    holdOpen(order.input, { checker, scope, values: known, isItemKnown, unsettled, node, path });
  const { known = [] } = items;
  if (known.length === 0) return [hold(values, items.type === undefined)];
  return known.map((item, index) => hold({ ...values, item, index }, true));
}

/**
 * Checks the wiring of an input, and the input against the model's schema; schema problems of a place that is left
 * open, or was refused already, are dropped.
 */
function checkInputs(
  { plan, kinds, issues, warnings }: Checking,
  held: readonly HeldInput[],
  { model, entry, path }: { model: string; entry: CatalogueModel | undefined; path: string },
): void {
  const node = entry?.inputSchema && compileInputSchema(entry.inputSchema).node;
  const found = new Map<string, InputIssue>();
  const told = new Set<string>();
  for (const each of held) {
    const wiring = [
      ...each.issues,
      ...checkWiring(plan, each, node, path),
      ...each.places.flatMap((place) => checkMediaAsked(kinds, place.references, `${path}${place.path.slice(1)}`)),
    ];
    const report = isJsonObject(each.input) ? validateInput(model, each.input, entry) : { issues: [], warnings: [] };
    const settled = [
      ...each.places.flatMap((place) =>
        place.openUntil === undefined && !place.isUnread ? [] : [`${path}${place.path.slice(1)}`],
      ),
      ...wiring.map((issue) => issue.path),
    ];
    const fromSchema = report.issues
      .map((issue) => ({ ...issue, path: `${path}${issue.path.slice(1)}` }))
      .filter((issue) => !settled.some((place) => isAtOrBelow(issue.path, place)));
    for (const issue of [...wiring, ...fromSchema]) found.set(`${issue.path} ${issue.message}`, issue);
    for (const warning of report.warnings) told.add(`${path}: ${warning}`);
  }
  issues.push(...found.values());
  warnings.push(...told);
}

/** Determines the model of an order, which is a literal or an expression over params. */
async function settleModel(
  whole: Checking,
  lookup: ModelLookup,
  { text, path }: { text: string; path: string },
): Promise<SettledModel> {
  const issues: InputIssue[] = [];
  const valueIssues: InputIssue[] = [];
  const expressions = checkText({ ...whole, issues }, text, path, { isParamsOnly: true });
  if (issues.length > 0) return { expressions, issues };
  const evaluate = () => evaluateValue(text, whole.values, path);
  const model = attempt({ ...whole, issues: valueIssues }, expressions, evaluate);
  if (isModelId(model)) {
    const facts = await lookup.facts(model);
    const kind = modelKind(model, 'entry' in facts ? facts.entry.categories : []);
    return { known: { model, facts, kind }, expressions, issues };
  }
  if (model !== undefined) valueIssues.push({ path, message: `expected ${modelIdWords}, got ${describeValue(model)}` });
  return { expressions, issues, valueIssues };
}

function isAtOrBelow(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`);
}
