import { fieldsOf } from '../fields-of.ts';
import type { GenerationRequest, InputIssue } from '../generation.ts';
import { createIssueList, type IssueList } from '../issues.ts';
import { isJsonObject, jsonBytes, jsonPath } from '../json.ts';
import type { PipelineRequest } from '../pipeline/pipeline-run.ts';
import {
  checkStretch,
  checkUsd,
  describe,
  isMissing,
  type Refuse,
  refuseUnknown,
  withoutMissing,
} from '../request-checks.ts';
import { findUnsendable, isModelId, modelIdWords } from '../request.ts';
import { wellFormed } from '../text.ts';
import { type BatchItem, type BatchItemDefaults, batchLimits } from './batch.ts';

const itemFields = fieldsOf<BatchItem>()('id', 'model', 'input', 'params', 'deadlineMs', 'maxPriceUsd');

/** The fields of an item in a batch of pipelines. */
const pipelineItemFields: readonly string[] = ['id', 'params', 'deadlineMs', 'maxPriceUsd'];

/** What the items of a batch are: generations, or pipelines of its plan. */
export type ItemKind = 'generation' | 'pipeline';

/** Checks the items of one message. Problems are reported at paths such as `$[2].id`. */
export function checkItems(items: unknown, kind: ItemKind, issues: IssueList): void {
  if (!Array.isArray(items)) {
    issues.add('$', `expected a list of items { id, … }, got ${describe(items)}`);
    return;
  }
  if (items.length > batchLimits.inlineItems) {
    const message = `has ${String(items.length)} items, and may have ${String(batchLimits.inlineItems)}; more are added`;
    issues.add('$', message);
    return;
  }
  const seen = new Map<string, number>();
  let bytes = 1;
  for (const [index, item] of items.entries()) {
    const path = jsonPath('$', index);
    const itemBytes = jsonBytes(item);
    bytes += itemBytes + 1;
    for (const issue of findItemIssues(item, kind, itemBytes))
      issues.add(`${path}${issue.path.slice(1)}`, issue.message);
    const id = isJsonObject(item) ? item['id'] : undefined;
    if (typeof id !== 'string') continue;
    const before = seen.get(id);
    if (before === undefined) seen.set(id, index);
    else issues.add(`${path}.id`, `${describe(id)} is the id of item ${String(before)} too`);
  }
  if (bytes > batchLimits.inlineBytes) {
    issues.add('$', `the items have more than ${String(batchLimits.inlineBytes)} bytes together; add them in parts`);
  }
}

/**
 * Finds problems with the shape of an item, at paths relative to the item. The model's own schema is not checked here.
 */
export function findItemIssues(item: unknown, kind: ItemKind, bytes = jsonBytes(item)): InputIssue[] {
  if (!isJsonObject(item)) return [{ path: '$', message: `expected an item { id, … }, got ${describe(item)}` }];
  const issues = createIssueList();
  const refuse: Refuse = (field, message) => {
    issues.add(jsonPath('$', field), message);
  };
  if (kind === 'pipeline') {
    const known = itemFields.filter((field) => pipelineItemFields.includes(field));
    refuseUnknown(refuse, '', item, ['an item of a batch with a plan', known]);
    const { params } = item;
    if (!isMissing(params) && !isJsonObject(params)) {
      refuse('params', `expected an object { name: value }, got ${describe(params)}`);
    } else if (!isMissing(params)) {
      for (const { path, message } of findUnsendable(params)) issues.add(`$.params${path.slice(1)}`, message);
    }
  } else {
    const known = itemFields.filter((field) => field !== 'params');
    refuseUnknown(refuse, '', item, ['an item of a batch without a plan', known]);
  }
  if (!isItemId(item['id'])) {
    const expected = `expected text of 1 to ${String(batchLimits.idLength)} characters without control characters`;
    refuse('id', `${expected}, got ${describe(item['id'])}`);
  }
  checkShared(item, refuse, (path, message) => {
    issues.add(`$.input${path.slice(1)}`, message);
  });
  if (bytes > batchLimits.itemBytes) {
    issues.add('$', `the item has more than ${String(batchLimits.itemBytes)} bytes: pass media by URL`);
  }
  return issues.toIssues();
}

function isItemId(id: unknown): id is string {
  if (typeof id !== 'string' || id.length === 0 || id.length > batchLimits.idLength) return false;
  return id === wellFormed(id) && !/\p{Cc}/u.test(id);
}

/** Checks what items and defaults have in common. */
export function checkShared(given: Record<string, unknown>, refuse: Refuse, refuseInput: Refuse): void {
  const { model, input, deadlineMs, maxPriceUsd } = given;
  if (!isMissing(model) && !isModelId(model)) refuse('model', `expected ${modelIdWords}, got ${describe(model)}`);
  if (!isMissing(input) && !isJsonObject(input)) {
    refuse('input', `expected a JSON object with the fields of the model, got ${describe(input)}`);
  } else if (!isMissing(input)) {
    for (const { path, message } of findUnsendable(input)) refuseInput(path, message);
  }
  checkStretch('deadlineMs', deadlineMs, refuse);
  checkUsd('maxPriceUsd', maxPriceUsd, refuse);
}

/** The order for an item. A field that is null, in the item or the defaults, counts as absent. */
export function orderOfItem(
  item: BatchItem,
  defaults: BatchItemDefaults,
  budgets?: string[],
): Partial<GenerationRequest> {
  const { queueDeadlineMs, onCancelWhileRunning, waiting, onUnknownSubmission } = defaults;
  return withoutMissing({
    model: item.model ?? defaults.model,
    input: { ...defaults.input, ...item.input },
    deadlineMs: item.deadlineMs ?? defaults.deadlineMs,
    maxPriceUsd: item.maxPriceUsd ?? defaults.maxPriceUsd,
    queueDeadlineMs,
    onUnknownSubmission: onUnknownSubmission ?? 'fail',
    onCancelWhileRunning,
    waiting,
    budgets,
  });
}

/** The pipeline for an item, by the same rules; `maxPriceUsd` limits its cost. */
export function pipelineOfItem(
  { params, deadlineMs, maxPriceUsd }: BatchItem,
  plan: object,
  defaults: BatchItemDefaults,
  budgets?: string[],
): PipelineRequest {
  const { onUnknownSubmission, waiting } = defaults;
  return {
    plan,
    ...withoutMissing({
      params,
      deadlineMs: deadlineMs ?? defaults.deadlineMs,
      maxCostUsd: maxPriceUsd ?? defaults.maxPriceUsd,
      onUnknownSubmission: onUnknownSubmission ?? 'fail',
      waiting,
      budgets,
    }),
  };
}
