import { fieldsOf } from '../fields-of.ts';
import { cancelWhileRunningPolicies, type InputIssue, unknownSubmissionPolicies } from '../generation.ts';
import { createIssueList } from '../issues.ts';
import { boundless, findExcess, isJsonObject, jsonBytes } from '../json.ts';
import { planLimits } from '../pipeline/pipeline.ts';
import {
  checkStretch,
  checkType,
  checkUsd,
  checkWord,
  describe,
  isIntegerBetween,
  isMissing,
  type Refuse,
  refuseUnknown,
  withoutMissing,
  withoutMissingIn,
} from '../request-checks.ts';
import { checkBudgets, checkWaiting } from '../request.ts';
import { checkItems, checkShared, type ItemKind } from './batch-item.ts';
import { batchDefaults, type BatchItemDefaults, batchLimits, type BatchRequest } from './batch.ts';

/** The fields of a `BatchRequest`. */
export const batchRequestFields = fieldsOf<BatchRequest>()(
  'items',
  'keepOpen',
  'plan',
  'defaults',
  'window',
  'maxCostUsd',
  'budgets',
  'pauseAfterFailures',
  'openForMs',
);

const defaultsFields = fieldsOf<BatchItemDefaults>()(
  'model',
  'input',
  'deadlineMs',
  'queueDeadlineMs',
  'onUnknownSubmission',
  'onCancelWhileRunning',
  'waiting',
  'maxPriceUsd',
);

/** The fields that `defaults` may have in a batch of pipelines. */
const pipelineDefaultsFields: readonly string[] = ['deadlineMs', 'onUnknownSubmission', 'waiting', 'maxPriceUsd'];

/** Largest nesting depth of an argument. A deeper one would overflow the stack when its size is measured. */
const maxLevels = 200;

/** A valid request, or the problems with it. */
export type ParsedBatchRequest = { ok: true; request: BatchRequest } | { ok: false; issues: InputIssue[] };

/** Checks the argument of `runcomfyBatch` without a schema library, since any service may have sent it. */
export function parseBatchRequest(argument: unknown): ParsedBatchRequest {
  const issues = createIssueList();
  if (!isJsonObject(argument)) {
    const found = argument === undefined ? 'no argument' : describe(argument);
    issues.add('request', `expected an object { items?, defaults?, … }, got ${found}`);
    return { ok: false, issues: issues.toIssues() };
  }
  if (findExcess(argument, { ...boundless, maxLevels }) !== undefined) {
    issues.add('request', `nested more than ${String(maxLevels)} levels deep`);
    return { ok: false, issues: issues.toIssues() };
  }
  const refuse: Refuse = (field, message) => {
    issues.add(`request.${field}`, message);
  };
  refuseUnknown(refuse, '', argument, ['a request', batchRequestFields]);
  const { items, keepOpen, plan, defaults, window, maxCostUsd, budgets, pauseAfterFailures, openForMs } = argument;
  checkType('keepOpen', keepOpen, 'boolean', refuse);
  const kind = isMissing(plan) ? 'generation' : 'pipeline';
  if (kind === 'pipeline' && !isJsonObject(plan)) {
    refuse('plan', `expected a plan { version, steps, … }, got ${describe(plan)}`);
  } else if (jsonBytes(plan) > planLimits.bytes) {
    refuse('plan', `has more than ${String(planLimits.bytes)} bytes`);
  }
  if (!isMissing(window)) checkWindow(window, refuse);
  checkUsd('maxCostUsd', maxCostUsd, refuse);
  checkBudgets(budgets, refuse);
  if (!isMissing(pauseAfterFailures) && !isIntegerBetween(pauseAfterFailures, 0, batchLimits.items)) {
    const expected = `expected a whole number from 0 (never) to ${String(batchLimits.items)}`;
    refuse('pauseAfterFailures', `${expected}, got ${describe(pauseAfterFailures)}`);
  }
  checkStretch('openForMs', openForMs, refuse);
  if (!isMissing(defaults)) checkDefaults(defaults, kind, refuse);
  if (!isMissing(items)) {
    checkItems(items, kind, issues);
    if (Array.isArray(items) && items.length === 0 && keepOpen !== true) {
      issues.add('$', 'expected at least one item, or keepOpen where items are added later');
    }
  }
  const found = issues.toIssues();
  if (found.length > 0) return { ok: false, issues: found };
  const ofItems = isJsonObject(defaults) ? { defaults: withoutMissingIn(defaults, ['waiting']) } : {};
  return { ok: true, request: { ...withoutMissing(argument), ...ofItems } };
}

/** Refuses an invalid number of items in flight. */
export function checkWindow(window: unknown, refuse: Refuse): void {
  if (isIntegerBetween(window, 1, batchLimits.window)) return;
  refuse('window', `expected a whole number from 1 to ${String(batchLimits.window)}, got ${describe(window)}`);
}

function checkDefaults(defaults: unknown, kind: ItemKind, refuseField: Refuse): void {
  const refuse: Refuse = (field, message) => {
    refuseField(`defaults.${field}`, message);
  };
  if (!isJsonObject(defaults)) {
    refuseField('defaults', `expected an object { model?, input?, … }, got ${describe(defaults)}`);
    return;
  }
  if (kind === 'generation') refuseUnknown(refuse, '', defaults, ['defaults', defaultsFields]);
  else {
    const known = defaultsFields.filter((field) => pipelineDefaultsFields.includes(field));
    refuseUnknown(refuse, '', defaults, ['defaults of a batch with a plan', known]);
  }
  checkShared(defaults, refuse, (path, message) => {
    refuse(`input${path.slice(1)}`, message);
  });
  const { queueDeadlineMs, onUnknownSubmission, onCancelWhileRunning, waiting } = defaults;
  checkStretch('queueDeadlineMs', queueDeadlineMs, refuse);
  checkWord('onUnknownSubmission', onUnknownSubmission, unknownSubmissionPolicies, refuse);
  checkWord('onCancelWhileRunning', onCancelWhileRunning, cancelWhileRunningPolicies, refuse);
  if (!isMissing(waiting)) checkWaiting(waiting, refuse);
  if (jsonBytes(defaults) > batchLimits.defaultsBytes) {
    refuseField('defaults', `more than ${String(batchLimits.defaultsBytes)} bytes: pass media by URL`);
  }
}

/** How long an open batch waits for more items, in milliseconds. */
export function openForMsOf({ openForMs }: BatchRequest): number {
  return openForMs ?? batchDefaults.openForMs;
}
