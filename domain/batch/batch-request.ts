import {
  cancelWhileRunningPolicies,
  type GenerationRequest,
  type InputIssue,
  unknownSubmissionPolicies,
} from '../generation.ts';
import { createIssueList, type IssueList } from '../issues.ts';
import { isJsonObject, jsonBytes, jsonPath, withoutUndefined } from '../json.ts';
import {
  checkWaiting,
  describe,
  findUnsendable,
  isIntegerBetween,
  isMissing,
  isModelId,
  isUsd,
  oneOfWords,
  problemOfBudgets,
} from '../request.ts';
import { wellFormed } from '../text.ts';
import { batchDefaults, type BatchItem, type BatchItemDefaults, batchLimits, type BatchRequest } from './batch.ts';

const maxDeadlineMs = 365 * 24 * 60 * 60 * 1000;

/** The fields of a `BatchRequest`. */
export const batchRequestFields = [
  'items',
  'keepOpen',
  'defaults',
  'window',
  'maxCostUsd',
  'budgets',
  'pauseAfterFailures',
  'openForMs',
] as const satisfies readonly (keyof BatchRequest)[];

const itemFields = [
  'id',
  'model',
  'input',
  'deadlineMs',
  'maxPriceUsd',
] as const satisfies readonly (keyof BatchItem)[];

const defaultsFields = [
  'model',
  'input',
  'deadlineMs',
  'queueDeadlineMs',
  'onUnknownSubmission',
  'onCancelWhileRunning',
  'waiting',
  'maxPriceUsd',
] as const satisfies readonly (keyof BatchItemDefaults)[];

/** A request that can be understood, or what is wrong with it. */
export type ParsedBatchRequest = { ok: true; request: BatchRequest } | { ok: false; issues: InputIssue[] };

type Refuse = (path: string, message: string) => void;

/** Checks the argument of `runcomfyBatch` with plain code, since any service may have sent it. */
export function parseBatchRequest(argument: unknown): ParsedBatchRequest {
  const issues = createIssueList();
  if (!isJsonObject(argument)) {
    const found = argument === undefined ? 'no argument' : describe(argument);
    issues.add('request', `expected an object { items?, defaults?, … }, got ${found}`);
    return { ok: false, issues: issues.toIssues() };
  }
  const refuse = (field: string, message: string) => {
    issues.add(`request.${field}`, message);
  };
  refuseUnknown(refuse, argument, 'a request', batchRequestFields);
  const { items, keepOpen, defaults, window, maxCostUsd, budgets, pauseAfterFailures, openForMs } = argument;
  if (!isMissing(keepOpen) && typeof keepOpen !== 'boolean') {
    refuse('keepOpen', `expected true or false, got ${describe(keepOpen)}`);
  }
  if (!isMissing(window)) checkWindow(window, refuse);
  if (!isMissing(maxCostUsd) && !isUsd(maxCostUsd)) {
    refuse('maxCostUsd', `expected USD above 0 with at most 6 decimals, got ${describe(maxCostUsd)}`);
  }
  const problemOfNames = isMissing(budgets) ? undefined : problemOfBudgets(budgets);
  if (problemOfNames !== undefined) refuse('budgets', problemOfNames);
  if (!isMissing(pauseAfterFailures) && !isIntegerBetween(pauseAfterFailures, 0, batchLimits.items)) {
    const expected = `expected a whole number from 0 (never) to ${String(batchLimits.items)}`;
    refuse('pauseAfterFailures', `${expected}, got ${describe(pauseAfterFailures)}`);
  }
  if (!isMissing(openForMs) && !isIntegerBetween(openForMs, 1, maxDeadlineMs)) {
    refuse('openForMs', `expected whole milliseconds from 1 to ${String(maxDeadlineMs)}, got ${describe(openForMs)}`);
  }
  if (!isMissing(defaults)) checkDefaults(defaults, refuse);
  if (!isMissing(items)) {
    checkItems(items, issues);
    if (Array.isArray(items) && items.length === 0 && keepOpen !== true) {
      issues.add('$', 'expected at least one item, or keepOpen where items are added later');
    }
  }
  const found = issues.toIssues();
  if (found.length > 0) return { ok: false, issues: found };
  const given = Object.fromEntries(Object.entries(argument).filter(([, value]) => !isMissing(value)));
  return { ok: true, request: given as unknown as BatchRequest };
}

/** Says what is wrong with the number of items in flight. */
export function checkWindow(window: unknown, refuse: Refuse): void {
  if (isIntegerBetween(window, 1, batchLimits.window)) return;
  refuse('window', `expected a whole number from 1 to ${String(batchLimits.window)}, got ${describe(window)}`);
}

/** Checks items that travel together; places are told as `$[2].id`. */
export function checkItems(items: unknown, issues: IssueList): void {
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
  for (const [index, item] of items.entries()) {
    const path = jsonPath('$', index);
    for (const issue of findItemIssues(item)) issues.add(`${path}${issue.path.slice(1)}`, issue.message);
    const id = isJsonObject(item) ? item['id'] : undefined;
    if (typeof id !== 'string') continue;
    const before = seen.get(id);
    if (before === undefined) seen.set(id, index);
    else issues.add(`${path}.id`, `${describe(id)} is the id of item ${String(before)} too`);
  }
  if (jsonBytes(items) > batchLimits.inlineBytes) {
    issues.add('$', `the items have more than ${String(batchLimits.inlineBytes)} bytes together; add them in parts`);
  }
}

/** What is wrong with the shape of an item; paths begin at the item. The model's own schema is not looked at. */
export function findItemIssues(item: unknown): InputIssue[] {
  if (!isJsonObject(item)) return [{ path: '$', message: `expected an item { id, … }, got ${describe(item)}` }];
  const issues = createIssueList();
  const refuse: Refuse = (field, message) => {
    issues.add(jsonPath('$', field), message);
  };
  refuseUnknown(refuse, item, 'an item', itemFields);
  if (!isItemId(item['id'])) {
    const expected = `expected text of 1 to ${String(batchLimits.idLength)} characters without control characters`;
    refuse('id', `${expected}, got ${describe(item['id'])}`);
  }
  checkShared(item, refuse, (path, message) => {
    issues.add(`$.input${path.slice(1)}`, message);
  });
  if (jsonBytes(item) > batchLimits.itemBytes) {
    issues.add('$', `the item has more than ${String(batchLimits.itemBytes)} bytes: pass media by URL`);
  }
  return issues.toIssues();
}

function isItemId(id: unknown): id is string {
  if (typeof id !== 'string' || id.length === 0 || id.length > batchLimits.idLength) return false;
  return id === wellFormed(id) && !/\p{Cc}/u.test(id);
}

function checkDefaults(defaults: unknown, refuseField: Refuse): void {
  const refuse: Refuse = (field, message) => {
    refuseField(`defaults.${field}`, message);
  };
  if (!isJsonObject(defaults)) {
    refuseField('defaults', `expected an object { model?, input?, … }, got ${describe(defaults)}`);
    return;
  }
  refuseUnknown(refuse, defaults, 'defaults', defaultsFields);
  checkShared(defaults, refuse, (path, message) => {
    refuse(`input${path.slice(1)}`, message);
  });
  const { queueDeadlineMs, onUnknownSubmission, onCancelWhileRunning, waiting } = defaults;
  if (!isMissing(queueDeadlineMs)) checkStretch('queueDeadlineMs', queueDeadlineMs, refuse);
  const unknown = isMissing(onUnknownSubmission)
    ? undefined
    : oneOfWords(onUnknownSubmission, unknownSubmissionPolicies);
  if (unknown !== undefined) refuse('onUnknownSubmission', unknown);
  const running = isMissing(onCancelWhileRunning)
    ? undefined
    : oneOfWords(onCancelWhileRunning, cancelWhileRunningPolicies);
  if (running !== undefined) refuse('onCancelWhileRunning', running);
  if (!isMissing(waiting)) checkWaiting(waiting, refuse);
  if (jsonBytes(defaults) > batchLimits.defaultsBytes) {
    refuseField('defaults', `more than ${String(batchLimits.defaultsBytes)} bytes: pass media by URL`);
  }
}

/** What items and defaults have in common. */
function checkShared(given: Record<string, unknown>, refuse: Refuse, refuseInput: Refuse): void {
  const { model, input, deadlineMs, maxPriceUsd } = given;
  if (!isMissing(model) && !isModelId(model)) {
    refuse(
      'model',
      `expected a RunComfy model id of 2 to 5 segments of letters, digits, ".", "_", "-", got ${describe(model)}`,
    );
  }
  if (!isMissing(input) && !isJsonObject(input)) {
    refuse('input', `expected a JSON object with the fields of the model, got ${describe(input)}`);
  } else if (!isMissing(input)) {
    for (const { path, message } of findUnsendable(input)) refuseInput(path, message);
  }
  if (!isMissing(deadlineMs)) checkStretch('deadlineMs', deadlineMs, refuse);
  if (!isMissing(maxPriceUsd) && !isUsd(maxPriceUsd)) {
    refuse('maxPriceUsd', `expected USD above 0 with at most 6 decimals, got ${describe(maxPriceUsd)}`);
  }
}

function checkStretch(field: string, ms: unknown, refuse: Refuse): void {
  if (isIntegerBetween(ms, 1, maxDeadlineMs)) return;
  refuse(field, `expected whole milliseconds from 1 to ${String(maxDeadlineMs)}, got ${describe(ms)}`);
}

function refuseUnknown(refuse: Refuse, given: object, what: string, known: readonly string[]): void {
  for (const field of Object.keys(given)) {
    if (!known.includes(field)) refuse(field, `unknown field; ${what} has ${known.join(', ')}`);
  }
}

/** The order that an item makes. */
export function orderOfItem(
  item: BatchItem,
  defaults: BatchItemDefaults,
  budgets?: string[],
): Partial<GenerationRequest> {
  const { queueDeadlineMs, onCancelWhileRunning, waiting, onUnknownSubmission = 'fail' } = defaults;
  return withoutUndefined({
    model: item.model ?? defaults.model,
    input: { ...defaults.input, ...item.input },
    deadlineMs: item.deadlineMs ?? defaults.deadlineMs,
    maxPriceUsd: item.maxPriceUsd ?? defaults.maxPriceUsd,
    queueDeadlineMs,
    onUnknownSubmission,
    onCancelWhileRunning,
    waiting,
    budgets,
  });
}

/** How long an open batch waits for more items. */
export function openForMsOf({ openForMs }: BatchRequest): number {
  return openForMs ?? batchDefaults.openForMs;
}
