import { findItemIssues, orderOfItem } from '../../domain/batch/batch-request.ts';
import { type BatchItem, type BatchItemDefaults, batchLimits } from '../../domain/batch/batch.ts';
import type { EstimateLine } from '../../domain/estimate.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { createIssueList } from '../../domain/issues.ts';
import { isJsonObject } from '../../domain/json.ts';
import { compileInputSchema, priceOf, validateInput } from '../../runcomfy/models/index.ts';
import type { SchemaNode } from '../../runcomfy/models/normalize-schema.ts';
import { createModelLookup, type ModelLookupOptions } from '../model-facts.ts';
import { type ItemFormat, type ItemLine, readItemLines } from './item-file.ts';

/** A file of items: opened as often as it is read. */
export interface ItemFile {
  open: () => AsyncIterable<Uint8Array>;
  format?: ItemFormat | undefined;
  defaults?: BatchItemDefaults | undefined;
}

/** What a check of a whole file found. */
export interface ItemFileReport {
  issues: InputIssue[];
  warnings: string[];
  count: number;
  /** What the items of each model are expected to cost. */
  lines: EstimateLine[];
}

const maxWarnings = 20;

/** Checks every line of a file, and holds no more of it than the ids. */
export async function checkItemFile(
  file: ItemFile,
  options: ModelLookupOptions & { maxCostUsd?: number | undefined },
): Promise<ItemFileReport> {
  const { defaults = {} } = file;
  const models = createModelLookup(options);
  const issues = createIssueList();
  const warnings = new Set<string>();
  const lineOfId = new Map<string, number>();
  const costs = new Map<string, { count: number; micros: number; why?: string }>();
  let count = 0;
  for await (const read of readItems(file, options)) {
    const path = (at: string) => `line ${String(read.line)}: ${at}`;
    if ('problem' in read) {
      issues.add(`line ${String(read.line)}`, read.problem);
      continue;
    }
    count += 1;
    const found = findItemIssues(read.item);
    for (const issue of found) issues.add(path(issue.path), issue.message);
    const id = isJsonObject(read.item) ? read.item['id'] : undefined;
    if (typeof id === 'string') {
      const before = lineOfId.get(id);
      if (before === undefined) lineOfId.set(id, read.line);
      else issues.add(path('$.id'), `${JSON.stringify(id.slice(0, 80))} is the id of line ${String(before)} too`);
    }
    if (found.length > 0) continue;
    const { model, input = {}, maxPriceUsd } = orderOfItem(read.item as BatchItem, defaults);
    if (model === undefined) {
      issues.add(path('$.model'), 'neither the item nor the defaults name a model');
      continue;
    }
    const facts = await models.facts(model);
    const entry = 'entry' in facts ? facts.entry : undefined;
    if ('failure' in facts && facts.isUnknown) issues.add(path('$.model'), `RunComfy has no model ${model}`);
    else if ('failure' in facts) note(warnings, `inputs of ${model} could not be checked (${facts.failure})`);
    const report = validateInput(model, input, entry);
    for (const issue of report.issues) issues.add(path(`$.input${issue.path.slice(1)}`), issue.message);
    for (const warning of report.warnings) note(warnings, `${model}: ${warning}`);
    const price = (entry && priceOf(entry, input)) ?? maxPriceUsd;
    const cost = costs.get(model) ?? { count: 0, micros: 0 };
    costs.set(model, cost);
    cost.count += 1;
    cost.micros += Math.round((price ?? 0) * 1e6);
    if (price !== undefined) continue;
    cost.why = 'failure' in facts ? facts.failure : 'the catalogue gives no price for this input';
    if (options.maxCostUsd !== undefined) issues.add(path('$'), `price unknown (${cost.why}); give maxPriceUsd`);
  }
  if (count === 0 && issues.toIssues().length === 0) issues.add('$', 'the file has no items');
  if (count > batchLimits.items)
    issues.add('$', `the file has ${String(count)} items, and a batch at most ${String(batchLimits.items)}`);
  return { issues: issues.toIssues(), warnings: [...warnings], count, lines: [...costs].map(toEstimateLine) };
}

/** The items of a file that was checked, again and again. */
export function itemsOfFile(file: ItemFile, options: ModelLookupOptions): AsyncIterable<BatchItem> {
  return {
    async *[Symbol.asyncIterator]() {
      for await (const read of readItems(file, options)) if ('item' in read) yield read.item as BatchItem;
    },
  };
}

function readItems({ open, format, defaults }: ItemFile, options: ModelLookupOptions): AsyncIterable<ItemLine> {
  const models = createModelLookup(options);
  const nodes = new Map<string, SchemaNode | undefined>();
  const schemaOf = async (model = defaults?.model) => {
    if (model === undefined) return undefined;
    if (!nodes.has(model)) {
      const facts = await models.facts(model);
      const schema = 'entry' in facts ? facts.entry.inputSchema : undefined;
      nodes.set(model, schema && compileInputSchema(schema).node);
    }
    return nodes.get(model);
  };
  return readItemLines(open(), { format, schemaOf });
}

function note(warnings: Set<string>, warning: string): void {
  if (warnings.size < maxWarnings) warnings.add(warning);
}

function toEstimateLine([model, { count, micros, why }]: [
  string,
  { count: number; micros: number; why?: string },
]): EstimateLine {
  return {
    what: model,
    model,
    count,
    priceUsd: why === undefined ? micros / 1e6 : null,
    ...(why !== undefined && { why }),
  };
}
