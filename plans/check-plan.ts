import type { InputIssue } from '../domain/generation.ts';
import { boundIssues, boundWarnings } from '../domain/issues.ts';
import { jsonPath } from '../domain/json.ts';
import { maxWorkflowIdLength, tooLong, unkeepableIn } from '../domain/names.ts';
import {
  type PipelinePlan,
  type PlanApprovalStep,
  planLimits,
  type PlanModelStep,
} from '../domain/pipeline/pipeline.ts';
import { checkOrder, type Items, settleModels } from './check-order.ts';
import { attempt, checkBare, type Checking, checkText, type PlannedOrder } from './checking.ts';
import { evaluateBare, evaluateValue } from './evaluate.ts';
import { elementTypeOf, typeOfItems } from './expressions/expression-types.ts';
import { createExpressionChecker } from './expressions/expression.ts';
import { parseTemplate, soleExpression } from './expressions/template.ts';
import { describeValue, didYouMean } from './field-reader.ts';
import { ordersOf, sortSteps, sourcesOf, textsIn, usesFiles } from './graph.ts';
import { isOfParams } from './known-before.ts';
import { createModelLookup, type ModelLookupOptions } from './model-facts.ts';
import { settleParams } from './params.ts';
import { parsePlan } from './parse-plan.ts';
import { type OrderLimits, weighOrders } from './weigh-orders.ts';

/** A plan that may be run, and its params. */
export interface CheckedPlan {
  plan: PipelinePlan;
  params: Record<string, unknown>;
  /** Step ids in an order in which each comes after its sources. */
  sortedSteps: string[];
  orders: PlannedOrder[];
}

export interface PlanReport {
  issues: InputIssue[];
  warnings: string[];
  /** The only problem is that the catalogue did not answer questions for prices. */
  isOnlyAway?: true;
  /** Missing if the plan is refused. */
  checked?: CheckedPlan;
}

export interface CheckPlanOptions extends ModelLookupOptions, OrderLimits {
  params?: Record<string, unknown>;
  /** Prefix of the orders' keys, if known: a plan whose keys would be too long is refused. */
  lineage?: string;
}

const weekMs = 7 * 24 * 60 * 60 * 1000;

/** Length of the longest ending of a key: `@<digest>`, the number of an equal order, and that of a further attempt. */
const maxKeyTail = '@0123456789ab.500~99'.length;

/**
 * Checks a plan and its params before anything is ordered, and lists every problem by its JSONPath: shape, names,
 * cycles, types of expressions, what is wired into which field, and every input as far as it is known.
 */
export async function checkPlan(value: unknown, options: CheckPlanOptions = {}): Promise<PlanReport> {
  const read = parsePlan(value);
  if (!read.ok) return { issues: boundIssues(read.issues), warnings: [] };
  const { plan } = read;
  const settled = settleParams(plan, options.params ?? {});
  const checking: Checking = {
    plan,
    values: { declared: plan.params, params: settled.params, steps: {}, pipeline: { key: '' } },
    unsettled: new Set(Object.keys(plan.params).filter((name) => !Object.hasOwn(settled.params, name))),
    checker: createExpressionChecker(plan),
    models: new Map(),
    kinds: new Map(),
    issues: [...settled.issues],
    warnings: [],
    conditions: new Map(),
    orders: [],
  };
  checkLineage(checking, options.lineage ?? '');
  const { sorted, issues: cycles } = sortSteps(plan);
  checking.issues.push(...cycles);
  await settleModels(checking, createModelLookup(options));
  for (const id of Object.keys(plan.steps)) checkCondition(checking, id);
  const unwanted = findUnwanted(checking, sorted);
  // A plan may ask in an `if` whether its params have what the rest of the step reads.
  const unread: Checking = { ...checking, unsettled: new Set(Object.keys(plan.params)) };
  for (const [id, step] of Object.entries(plan.steps)) {
    checkNeeds(checking, id);
    if (step.kind === 'model') checkKeyLength(checking, id, options.lineage ?? '');
    if (step.kind === 'model') checkModelStep(unwanted.has(id) ? unread : checking, id, step);
    else checkApproval(checking, id, step);
  }
  checkOutputs(checking);
  checking.orders = checking.orders.filter(({ step }) => !unwanted.has(step));
  checkNumberOfOrders(checking);
  warnOfUnused(checking);
  warnOfLongWaits(checking, sorted);
  const isSound = checking.issues.length === 0;
  const { orders } = checking;
  const costs = weighOrders(orders, options);
  const issues = [...checking.issues, ...costs];
  const warnings = boundWarnings(checking.warnings);
  const isOnlyAway = isSound && costs.every(({ isAway }) => isAway);
  if (issues.length > 0) return { issues: boundIssues(issues), warnings, ...(isOnlyAway && { isOnlyAway }) };
  return { issues, warnings, checked: { plan, params: settled.params, sortedSteps: sorted, orders } };
}

function checkLineage({ issues }: Checking, lineage: string): void {
  const unkeepable = unkeepableIn(lineage);
  if (unkeepable === undefined) return;
  issues.push({ path: 'request.lineage', message: `holds ${unkeepable}, which no key can` });
}

function checkKeyLength({ issues }: Checking, id: string, lineage: string): void {
  const length = `${lineage}/${id}`.length + maxKeyTail;
  if (length <= maxWorkflowIdLength) return;
  const message = `a key of its orders, made of the pipeline's and this name, ${tooLong(length)}; take a shorter one`;
  issues.push({ path: jsonPath('$.steps', id), message });
}

function checkNeeds({ plan, issues }: Checking, id: string): void {
  for (const [index, source] of (plan.steps[id]?.needs ?? []).entries()) {
    if (Object.hasOwn(plan.steps, source)) continue;
    const path = jsonPath(`${jsonPath('$.steps', id)}.needs`, index);
    issues.push({ path, message: `no step "${source}"${didYouMean(source, Object.keys(plan.steps))}` });
  }
}

function checkCondition(checking: Checking, id: string): void {
  const condition = checking.plan.steps[id]?.if;
  if (condition === undefined) return;
  const path = `${jsonPath('$.steps', id)}.if`;
  const expression = checkBare(checking, condition, path, {});
  if (expression && expression.type !== 'bool' && expression.type !== 'dyn') {
    checking.issues.push({ path, message: `expected bool, got ${expression.type}` });
  } else if (expression) checking.conditions.set(id, expression);
}

function checkModelStep(checking: Checking, id: string, step: PlanModelStep): void {
  const items = readItems(checking, id, step);
  for (const [rank, { order, path }] of ordersOf(checking.plan, id).entries()) {
    checkOrder(checking, { id, rank, order, path, items });
  }
}

function readItems(checking: Checking, id: string, { forEach }: PlanModelStep): Items {
  if (forEach === undefined) return {};
  const path = `${jsonPath('$.steps', id)}.forEach`;
  if (Array.isArray(forEach)) return readLiteralItems(checking, forEach, path);
  const expression = checkBare(checking, forEach, path, {});
  if (expression === undefined) return { type: 'dyn' };
  const type = elementTypeOf(expression.type);
  if (type === undefined) {
    checking.issues.push({ path, message: `expected a list, got ${expression.type}` });
    return { type: 'dyn' };
  }
  if (!isOfParams(expression)) return { type };
  const known = attempt(checking, [expression], () => evaluateBare(forEach, checking.values, path));
  if (!Array.isArray(known)) return { type };
  if (known.length > planLimits.forEachItems) {
    const limit = `${String(known.length)} items, and a step may have ${String(planLimits.forEachItems)}`;
    checking.issues.push({ path, message: `${limit}; more make a batch of pipelines` });
    return { type };
  }
  return { type: type === 'dyn' ? typeOfItems(known) : type, known: known as unknown[] };
}

function readLiteralItems(checking: Checking, items: unknown[], path: string): Items {
  const before = checking.issues.length;
  const expressions = textsIn(items, path).flatMap(({ text, path: at }) => checkText(checking, text, at, {}));
  const isOpen = !expressions.every(isOfParams);
  if (isOpen || checking.issues.length > before) return { type: 'dyn', count: items.length };
  const known = attempt(checking, expressions, () => evaluateValue(items, checking.values, path)) as
    unknown[] | undefined;
  return known ? { type: typeOfItems(known), known } : { type: 'dyn', count: items.length };
}

function checkApproval(checking: Checking, id: string, { choose }: PlanApprovalStep): void {
  if (choose === undefined) return;
  const path = `${jsonPath('$.steps', id)}.approval.choose`;
  const refuse = (at: string, found: string) =>
    checking.issues.push({ path: at, message: `expected a list of texts to choose from, got ${found}` });
  if (Array.isArray(choose)) {
    for (const [index, item] of (choose as unknown[]).entries()) {
      const at = jsonPath(path, index);
      if (typeof item === 'string') checkText(checking, item, at, {});
      else refuse(at, describeValue(item));
    }
    return;
  }
  if (typeof choose !== 'string') return;
  const parsed = parseTemplate(choose);
  const isSole = parsed.ok && soleExpression(parsed.parts) !== undefined;
  const [expression] = checkText(checking, choose, path, {});
  if (!isSole && parsed.ok) refuse(path, 'a text');
  else if (expression && !['list<string>', 'list<dyn>', 'list', 'dyn'].includes(expression.type))
    refuse(path, expression.type);
}

function checkOutputs(checking: Checking): void {
  for (const { text, path } of textsIn(checking.plan.outputs, '$.outputs')) checkText(checking, text, path, {});
}

/** Steps whose `if` is false by the params alone, and steps that run only after those succeed. */
function findUnwanted(checking: Checking, sorted: readonly string[]): Set<string> {
  const { plan } = checking;
  const unwanted = new Set<string>();
  const uncertain = new Set<string>();
  for (const id of sorted) {
    const step = plan.steps[id];
    const needed = step?.runsWhen === 'succeeded' ? sourcesOf(plan, id) : [];
    // A step that is skipped along with a source never gets to its `if`: an error in it is no problem yet.
    const maySkip = needed.some((source) => uncertain.has(source));
    const isWanted = settleCondition(maySkip ? { ...checking, issues: [] } : checking, id);
    if (isWanted === false || needed.some((source) => unwanted.has(source))) unwanted.add(id);
    if (isWanted !== true || maySkip || step?.kind === 'approval') uncertain.add(id);
  }
  return unwanted;
}

/** Whether a step's `if` lets it run; undefined where the params alone do not tell. */
function settleCondition(checking: Checking, id: string): boolean | undefined {
  const [expression, text] = [checking.conditions.get(id), checking.plan.steps[id]?.if];
  if (text === undefined) return true;
  if (expression === undefined || !isOfParams(expression)) return undefined;
  const path = `${jsonPath('$.steps', id)}.if`;
  const value = attempt(checking, [expression], () => evaluateBare(text, checking.values, path));
  if (value === undefined || typeof value === 'boolean') return value;
  checking.issues.push({ path, message: `${text} is neither true nor false` });
  return undefined;
}

function checkNumberOfOrders({ plan, orders, issues }: Checking): void {
  const own = orders.filter(({ rank }) => rank === 0);
  const total = own.reduce((sum, { count }) => sum + (count ?? 0), 0);
  if (total <= planLimits.generations || Object.keys(plan.steps).length === 0) return;
  const limit = `${String(total)} orders, and a pipeline may have ${String(planLimits.generations)}`;
  issues.push({ path: '$.steps', message: `${limit}; more make a batch of pipelines` });
}

/**
 * Warns of approvals that may outlast the files they are about: a person may take the whole time, and RunComfy does not
 * keep files for ever.
 */
function warnOfLongWaits({ plan, warnings }: Checking, sorted: readonly string[]): void {
  for (const [id, step] of Object.entries(plan.steps)) {
    if (step.kind !== 'approval' || step.deadlineMs <= weekMs) continue;
    const after = new Set([id]);
    for (const each of sorted) if (sourcesOf(plan, each).some((source) => after.has(source))) after.add(each);
    const user = [...after].find((each) => each !== id && usesFiles(plan, each));
    if (user === undefined) continue;
    const path = `${jsonPath('$.steps', id)}.approval.deadline`;
    warnings.push(`${path}: longer than a week, and files that step ${user} uses may be kept no longer`);
  }
}

function warnOfUnused({ plan, warnings }: Checking): void {
  if (plan.outputs === undefined) return;
  const used = new Set(Object.keys(plan.steps).flatMap((id) => sourcesOf(plan, id)));
  const texts = textsIn(plan.outputs, '$.outputs').map(({ text }) => text);
  for (const [id, step] of Object.entries(plan.steps)) {
    const isOutput = texts.some((text) => new RegExp(`\\bsteps\\.${id}\\b|steps\\["${id}"\\]`).test(text));
    if (used.has(id) || isOutput || step.kind === 'approval') continue;
    warnings.push(`$.steps.${id}: nothing uses its result, neither a step nor the outputs`);
  }
}
