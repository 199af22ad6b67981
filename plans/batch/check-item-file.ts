import { findItemIssues, orderOfItem, pipelineOfItem } from '../../domain/batch/batch-item.ts';
import { type BatchItem, type BatchItemDefaults, batchLimits } from '../../domain/batch/batch.ts';
import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import type { EstimateLine } from '../../domain/estimate.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { createIssueList } from '../../domain/issues.ts';
import { isJsonObject } from '../../domain/json.ts';
import { RunComfyError } from '../../runcomfy/errors.ts';
import { compileInputSchema, validateInput } from '../../runcomfy/models/index.ts';
import type { SchemaNode } from '../../runcomfy/models/normalize-schema.ts';
import { checkPlan } from '../check-plan.ts';
import { estimateOrders, priceWith } from '../estimate.ts';
import { createModelLookup, type ModelLookupOptions, withMemory } from '../model-facts.ts';
import { parsePlan } from '../parse-plan.ts';
import { type ItemFormat, type ItemLine, readItemLines } from './item-file.ts';
import { itemIssuesOf, noModelIssue } from './item-issues.ts';
import { keepLine } from './item-lines.ts';

/** A file of items; it is opened anew for each reading. */
export interface ItemFile {
  open: () => AsyncIterable<Uint8Array>;
  format?: ItemFormat | undefined;
  defaults?: BatchItemDefaults | undefined;
  /** The plan, if the items are pipelines. */
  plan?: object | undefined;
}

/** The result of checking a whole file. */
export interface ItemFileReport {
  issues: InputIssue[];
  /** There are no problems other than unknown prices, if any. */
  isUnpriced: boolean;
  warnings: string[];
  count: number;
  /** Expected cost of the items, by model. */
  lines: EstimateLine[];
}

const maxWarnings = 20;

type ItemFileOptions = ReadingOptions & { maxCostUsd?: number | undefined; needsPrices?: boolean | undefined };

interface ReadingOptions extends ModelLookupOptions {
  /** Reads cells as text if the catalogue does not answer for their model; for items that are not sent. */
  mayReadAsText?: boolean | undefined;
}

/**
 * Checks every line of a file, keeping only the ids in memory. Throws a `RunComfyError` if the catalogue, which
 * determines how CSV cells are read, does not answer.
 */
export async function checkItemFile(file: ItemFile, options: ItemFileOptions): Promise<ItemFileReport> {
  const { plan } = file;
  const needsPrices = options.needsPrices === true || options.maxCostUsd !== undefined;
  const checkItem = plan ? pipelineCheck(plan, file, options) : generationCheck(file, options);
  const issues = createIssueList();
  let isUnpriced = true;
  const refuse = (path: string, message: string) => {
    isUnpriced = false;
    issues.add(path, message);
  };
  const warnings = new Set<string>();
  const lineOfId = new Map<string, number>();
  const costs = new Map<string, EstimateLine>();
  let count = 0;
  for await (const read of readItems(file, options)) {
    const path = (at: string) => `line ${String(read.line)}: ${at}`;
    if ('problem' in read) {
      refuse(`line ${String(read.line)}`, read.problem);
      continue;
    }
    count += 1;
    const found = findItemIssues(read.item, plan ? 'pipeline' : 'generation');
    for (const issue of found) refuse(path(issue.path), issue.message);
    const id = isJsonObject(read.item) ? read.item['id'] : undefined;
    if (typeof id === 'string') {
      const before = lineOfId.get(id);
      if (before === undefined) lineOfId.set(id, read.line);
      else refuse(path('$.id'), `${JSON.stringify(id.slice(0, 80))} is the id of line ${String(before)} too`);
    }
    if (found.length > 0) continue;
    const checked = await checkItem(read.item as BatchItem);
    for (const issue of checked.issues) refuse(path(issue.path), issue.message);
    for (const warning of checked.warnings) if (warnings.size < maxWarnings) warnings.add(warning);
    for (const line of checked.lines) addTo(costs, line);
    const unknown = checked.lines.find(({ priceUsd }) => priceUsd === null);
    if (unknown && needsPrices && !checked.hasPrice) {
      issues.add(path('$'), `price unknown (${unknown.why ?? ''}); give maxPriceUsd`);
    }
  }
  if (count === 0 && issues.toIssues().length === 0) refuse('$', 'the file has no items');
  if (count > batchLimits.items)
    refuse('$', `the file has ${String(count)} items, and a batch at most ${String(batchLimits.items)}`);
  return { issues: issues.toIssues(), isUnpriced, warnings: [...warnings], count, lines: [...costs.values()] };
}

/** The result of checking one item. */
interface CheckedItem {
  issues: InputIssue[];
  warnings: string[];
  lines: EstimateLine[];
  /** True also if a line has no price but the item limits its cost. */
  hasPrice: boolean;
}

function generationCheck({ defaults = {} }: ItemFile, options: ModelLookupOptions) {
  const models = createModelLookup(options);
  return async (item: BatchItem): Promise<CheckedItem> => {
    const { model, input = {}, maxPriceUsd } = orderOfItem(item, defaults);
    if (model === undefined) return { issues: [noModelIssue], warnings: [], lines: [], hasPrice: true };
    const facts = await models.facts(model);
    const entry = 'entry' in facts ? facts.entry : undefined;
    const { issues, warnings } = validateInput(model, input, entry);
    const found = issues.map(({ path, message }) => ({ path: `$.input${path.slice(1)}`, message }));
    const notes = warnings.map((warning) => `${model}: ${warning}`);
    if ('failure' in facts && facts.isUnknown)
      found.push({ path: '$.model', message: `RunComfy has no model ${model}` });
    else if ('failure' in facts) notes.push(`inputs of ${model} could not be checked (${facts.failure})`);
    const known = priceWith(facts, input);
    const price = typeof known === 'number' ? known : (maxPriceUsd ?? known);
    const of = { what: model, model, count: 1 };
    const line = typeof price === 'number' ? { ...of, priceUsd: price } : { ...of, priceUsd: null, why: price };
    return { issues: found, warnings: notes, lines: [line], hasPrice: typeof price === 'number' };
  };
}

function pipelineCheck(
  plan: object,
  { defaults = {} }: ItemFile,
  { maxCostUsd: limit, needsPrices = false, ...options }: ItemFileOptions,
) {
  const lookup = withMemory(options);
  // A limit of the batch applies to whole items; with budgets alone, each order needs a price of its own.
  const isByOrder = needsPrices && limit === undefined;
  return async (item: BatchItem): Promise<CheckedItem> => {
    const { params = {}, maxCostUsd } = pipelineOfItem(item, plan, defaults);
    const { checked, issues, warnings } = await checkPlan(plan, { ...lookup, params, needsPrices: isByOrder });
    const lines = checked ? estimateOrders(checked.orders) : [];
    return { issues: itemIssuesOf(issues), warnings, lines, hasPrice: isByOrder || maxCostUsd !== undefined };
  };
}

/** Adds a line to its group, in micro-dollars; orders without a known price are grouped by the reason. */
function addTo(costs: Map<string, EstimateLine>, line: EstimateLine): void {
  const { what, model, count, priceUsd, why } = line;
  const group = JSON.stringify([what, why]);
  const before = costs.get(group) ?? { count: 0, priceUsd: 0 };
  costs.set(group, {
    what,
    model,
    count: before.count === null || count === null ? null : before.count + count,
    priceUsd: priceUsd === null ? null : toUsd(toNearestMicro(before.priceUsd ?? 0) + toNearestMicro(priceUsd)),
    ...(why !== undefined && { why }),
  });
}

/** The items of a file that was checked; can be iterated repeatedly. */
export function itemsOfFile(file: ItemFile, options: ReadingOptions): AsyncIterable<BatchItem> {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const read of readItems(file, options)) {
        if (!('item' in read)) continue;
        if (isJsonObject(read.item)) keepLine(read.item, read.line);
        yield read.item as BatchItem;
      }
    },
  };
}

function readItems(
  { open, format, defaults, plan }: ItemFile,
  { mayReadAsText = false, ...options }: ReadingOptions,
): AsyncIterable<ItemLine> {
  if (plan) {
    const schema = paramsSchemaOf(plan);
    return readItemLines(open(), { format, schemaOf: () => Promise.resolve(schema) });
  }
  const models = createModelLookup(options);
  const nodes = new Map<string, SchemaNode | undefined>();
  const schemaOf = async (model = defaults?.model) => {
    if (model === undefined) return undefined;
    if (!nodes.has(model)) {
      const facts = await models.facts(model);
      if ('failure' in facts && facts.isAway && !mayReadAsText) throw refuseCells(model, facts);
      const schema = 'entry' in facts ? facts.entry.inputSchema : undefined;
      nodes.set(model, schema && compileInputSchema(schema).node);
    }
    return nodes.get(model);
  };
  return readItemLines(open(), { format, schemaOf });
}

/**
 * The error if the catalogue cannot tell how cells are read: read as text one time and by type another, the same file
 * would have different items.
 */
function refuseCells(model: string, { failure, isRefused }: { failure: string; isRefused?: boolean }): RunComfyError {
  const remedy = isRefused ? 'renew the token' : 'run the command again';
  const message = `nothing was sent, RunComfy does not tell now by which types the cells of ${model} are read (${failure}): ${remedy}`;
  return new RunComfyError(isRefused ? 'Unauthenticated' : 'ServiceUnavailable', message);
}

/** The schema for reading the cells of params. */
function paramsSchemaOf(plan: object): SchemaNode {
  const read = parsePlan(plan);
  const params = read.ok ? Object.entries(read.plan.params) : [];
  return { properties: Object.fromEntries(params.map(([name, { type }]) => [name, { type: jsonTypes[type] }])) };
}

const jsonTypes = {
  string: 'string',
  image: 'string',
  video: 'string',
  audio: 'string',
  integer: 'integer',
  number: 'number',
  boolean: 'boolean',
  list: 'array',
  object: 'object',
} as const;
