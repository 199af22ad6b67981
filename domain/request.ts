import { budgetNameWords, isBudgetName } from './budget/names.ts';
import {
  cancelWhileRunningPolicies,
  defaultDeadlineMs,
  type GenerationRequest,
  type InputIssue,
  requestFields,
  unknownSubmissionPolicies,
  waitingFields,
  waitingPresets,
  wallPolicies,
} from './generation.ts';
import { createIssueList } from './issues.ts';
import { boundless, findExcess, isJsonObject, jsonBytes, walkJson } from './json.ts';
import {
  checkStretch,
  checkUsd,
  checkWord,
  describe,
  isIntegerBetween,
  isMissing,
  maxSecondsOfDelay,
  type Refuse,
  refuseUnknown,
  withoutMissingIn,
} from './request-checks.ts';
import { cutText } from './text.ts';
import { checkWebhookTarget } from './webhook/webhook-request.ts';

/** Where workflows run each look at a global takes longer than what is then done with it. */
const { isFinite, isInteger, isSafeInteger } = Number;

const maxBudgets = 4;
const modelIdPattern = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){1,4}$/;
const requestIdPattern = /^[A-Za-z0-9_~:@=+-][A-Za-z0-9._~:@=+-]{0,254}$/;

/** Far more than any model takes, and far less than what overflows the stack, or takes the time, of whoever handles it. */
const inputBounds = { maxNodes: 20_000, maxLevels: 100 };

const excessSentences = {
  maxNodes: `has more than ${String(inputBounds.maxNodes)} values`,
  maxLevels: `nested more than ${String(inputBounds.maxLevels)} levels deep`,
};

/** What Temporal takes at once, as UTF-8 bytes of JSON. */
export const maxBytesAtOnce = 2 * 1024 * 1024;

/**
 * UTF-8 bytes that a request may have as JSON: its input, or the URLs in it, are handed on beside what is known of the
 * generation meanwhile, encrypted or not.
 */
export const maxRequestBytes = maxBytesAtOnce - 16 * 1024;

/** What a model id looks like, in words. */
export const modelIdWords = 'a RunComfy model id of 2 to 5 segments of letters, digits, ".", "_", "-"';

/** 2 to 5 segments of `[A-Za-z0-9._-]`, none `.` or `..`: safe to put into a URL's path as it is. */
export function isModelId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= 256 &&
    modelIdPattern.test(value) &&
    value.split('/').every((segment) => segment !== '.' && segment !== '..')
  );
}

/** A RunComfy request id: opaque, a single segment of a URL's path once it is encoded. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && requestIdPattern.test(value);
}

/**
 * What keeps an input from being sent exactly as given, whatever the model: values that JSON cannot carry, integers that
 * it would round, and sizes that no model takes.
 */
export function findUnsendable(input: unknown): InputIssue[] {
  let odd = 0;
  const excess = findExcess(input, inputBounds, (value) => {
    if (unsendableBecause(value) !== undefined) odd += 1;
  });
  if (excess !== undefined) return [{ path: '$', message: excessSentences[excess] }];
  if (odd === 0) return [];
  const issues = createIssueList();
  for (const { path, value } of walkJson(input)) {
    const message = unsendableBecause(value);
    if (message !== undefined) issues.add(path, message);
  }
  return issues.toIssues();
}

function unsendableBecause(value: unknown): string | undefined {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') {
    return `expected a JSON value, got ${cutText(String(value), 80)}`;
  }
  if (typeof value !== 'number') return undefined;
  if (!isFinite(value)) return `expected a JSON value, got ${String(value)}`;
  return isInteger(value) && !isSafeInteger(value)
    ? 'integer beyond ±(2^53 − 1) would be rounded; pass it as a string if the model takes one'
    : undefined;
}

/** A request that can be carried out, or all that is wrong with it. */
export type ParsedGenerationRequest =
  { ok: true; request: GenerationRequest } | { ok: false; model: string; issues: InputIssue[] };

/**
 * Checks the argument of `runcomfyGeneration` with plain code, since any service may have sent it. Fields of the
 * request are named `request.<field>`, places inside the input by JSONPath from its root. The model's own schema is not
 * looked at here.
 */
export function parseGenerationRequest(argument: unknown): ParsedGenerationRequest {
  if (!isJsonObject(argument)) {
    const found = argument === undefined ? 'no argument' : describe(argument);
    return {
      ok: false,
      model: '',
      issues: [{ path: 'request', message: `expected an object { model, input, … }, got ${found}` }],
    };
  }
  const problems = createIssueList();
  const refuse: Refuse = (field, message) => {
    problems.add(`request.${field}`, message);
  };
  const { model, input, requestId, deadlineMs, onUnknownSubmission, onCancelWhileRunning, onWall, waiting } = argument;
  const { queueDeadlineMs, maxPriceUsd, maxCostUsd, budgets, webhook } = argument;

  refuseUnknown(refuse, '', argument, ['a request', requestFields]);
  if (!isModelId(model)) refuse('model', `expected ${modelIdWords}, got ${describe(model)}`);
  if (isMissing(input)) {
    if (isMissing(requestId))
      problems.add('$', 'input is missing: expected a JSON object with the fields of the model');
  } else if (!isJsonObject(input) && findExcess(input, inputBounds) === undefined) {
    problems.add('$', `expected a JSON object with the fields of the model, got ${describe(input)}`);
  } else {
    for (const { path, message } of findUnsendable(input)) problems.add(path, message);
  }
  if (!isMissing(requestId) && !isRequestId(requestId)) {
    refuse('requestId', `expected 1 to 255 of letters, digits and ._~:@=+-, no dot first, got ${describe(requestId)}`);
  }
  checkStretch('deadlineMs', deadlineMs, refuse);
  checkStretch('queueDeadlineMs', queueDeadlineMs, refuse);
  checkUsd('maxPriceUsd', maxPriceUsd, refuse);
  checkUsd('maxCostUsd', maxCostUsd, refuse);
  checkBudgets(budgets, refuse);
  checkWord('onUnknownSubmission', onUnknownSubmission, unknownSubmissionPolicies, refuse);
  checkWord('onCancelWhileRunning', onCancelWhileRunning, cancelWhileRunningPolicies, refuse);
  checkWord('onWall', onWall, wallPolicies, refuse);
  if (!isMissing(waiting)) checkWaiting(waiting, refuse);
  if (!isMissing(webhook)) checkWebhookTarget(webhook, refuse);

  const issues = problems.toIssues();
  if (issues.length > 0) return { ok: false, model: typeof model === 'string' ? cutText(model, 255) : '', issues };
  return {
    ok: true,
    request: { input: {}, ...withoutMissingIn(argument, ['waiting', 'webhook']) } as unknown as GenerationRequest,
  };
}

/** Why a request is too large to be carried out; undefined: it is not. */
export function findOversizeOfRequest(request: GenerationRequest): InputIssue | undefined {
  const bytes = jsonBytes(request);
  return bytes > maxRequestBytes ? { path: '$', message: tooManyBytes(bytes, maxRequestBytes) } : undefined;
}

/** The sentence that refuses a request for its size. */
export function tooManyBytes(bytes: number, maxBytes: number): string {
  return `the request has ${String(bytes)} bytes and may have ${String(maxBytes)}: pass media by URL`;
}

/** Milliseconds from the start at which a generation gives up. */
export function deadlineMsOf(request: GenerationRequest): number {
  return request.deadlineMs ?? defaultDeadlineMs;
}

/** The `http:` and `https:` strings of an input: RunComfy's results echo them, and they are no outputs. */
export function inputUrlsOf(input: unknown): string[] {
  const urls = new Set<string>();
  findExcess(input, boundless, (value) => {
    if (typeof value === 'string' && /^https?:\/\//i.test(value)) urls.add(value);
  });
  return [...urls];
}

/** Checks the `waiting` of a request. */
export function checkWaiting(waiting: unknown, refuse: Refuse): void {
  if (!isJsonObject(waiting)) {
    refuse('waiting', `expected an object { preset?, secondsOfDelayPerRead? }, got ${describe(waiting)}`);
    return;
  }
  refuseUnknown(refuse, 'waiting.', waiting, ['waiting', waitingFields]);
  const { preset, secondsOfDelayPerRead } = waiting;
  checkWord('waiting.preset', preset, waitingPresets, refuse);
  const isCost =
    typeof secondsOfDelayPerRead === 'number' &&
    secondsOfDelayPerRead > 0 &&
    secondsOfDelayPerRead <= maxSecondsOfDelay;
  if (!isMissing(secondsOfDelayPerRead) && !isCost) {
    refuse(
      'waiting.secondsOfDelayPerRead',
      `expected seconds above 0 and at most ${String(maxSecondsOfDelay)}, got ${describe(secondsOfDelayPerRead)}`,
    );
  }
}

/** Refuses `budgets` of an order that are not missing and no names of budgets. */
export function checkBudgets(budgets: unknown, refuse: Refuse): void {
  const problem = isMissing(budgets) ? undefined : problemOfBudgets(budgets);
  if (problem !== undefined) refuse('budgets', problem);
}

function problemOfBudgets(budgets: unknown): string | undefined {
  const expected = `expected a list of 1 to ${String(maxBudgets)} names of budgets, each once`;
  if (!Array.isArray(budgets)) return `${expected}, got ${describe(budgets)}`;
  const isCount = isIntegerBetween(budgets.length, 1, maxBudgets);
  if (!isCount || new Set(budgets).size < budgets.length) return `${expected}, got ${String(budgets.length)}`;
  const odd = budgets.findIndex((name) => !isBudgetName(name));
  return odd === -1 ? undefined : `expected names of ${budgetNameWords}, got ${describe(budgets[odd])}`;
}
