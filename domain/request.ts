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

/** Read once: in the workflow sandbox, each access to a global takes longer than the work done with it. */
const { isFinite, isInteger, isSafeInteger } = Number;

const maxBudgets = 4;
const modelIdPattern = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){1,4}$/;
const requestIdPattern = /^[A-Za-z0-9_~:@=+-][A-Za-z0-9._~:@=+-]{0,254}$/;

/** Far more than any model accepts, and far less than would overflow the stack or take noticeable time to process. */
const inputBounds = { maxNodes: 20_000, maxLevels: 100 };

const excessSentences = {
  maxNodes: `has more than ${String(inputBounds.maxNodes)} values`,
  maxLevels: `nested more than ${String(inputBounds.maxLevels)} levels deep`,
};

/** The most that Temporal accepts in one piece, in UTF-8 bytes of JSON. */
export const maxBytesAtOnce = 2 * 1024 * 1024;

/**
 * Largest request, in UTF-8 bytes of JSON. Its input, or the URLs in it, are passed on together with what is known of
 * the generation by then, possibly encrypted; the difference to Temporal's limit leaves room for that.
 */
export const maxRequestBytes = maxBytesAtOnce - 16 * 1024;

/** The format of a model id, for error messages. */
export const modelIdWords = 'a RunComfy model id of 2 to 5 segments of letters, digits, ".", "_", "-"';

/**
 * Whether a value is a model id: 2 to 5 segments of `[A-Za-z0-9._-]`, none of them `.` or `..`, so that it can be put
 * into a URL's path unescaped.
 */
export function isModelId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= 256 &&
    modelIdPattern.test(value) &&
    value.split('/').every((segment) => segment !== '.' && segment !== '..')
  );
}

/** Whether a value can be a RunComfy request id: opaque, and a single segment of a URL's path once encoded. */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && requestIdPattern.test(value);
}

/**
 * Finds what keeps an input from being sent exactly as given, whatever the model: values that JSON cannot represent,
 * integers that it would round, and sizes that no model accepts.
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

/** A valid request, or all problems with it. */
export type ParsedGenerationRequest =
  { ok: true; request: GenerationRequest } | { ok: false; model: string; issues: InputIssue[] };

/**
 * Checks the argument of `runcomfyGeneration` without a schema library, since any service may have sent it. Problems
 * with fields of the request are at `request.<field>`, those inside the input at a JSONPath from its root. The model's
 * own schema is not checked here.
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

/** Says why a request is too large to be processed; undefined if it is not. */
export function findOversizeOfRequest(request: GenerationRequest): InputIssue | undefined {
  const bytes = jsonBytes(request);
  return bytes > maxRequestBytes ? { path: '$', message: tooManyBytes(bytes, maxRequestBytes) } : undefined;
}

/** The message that refuses a request for its size. */
export function tooManyBytes(bytes: number, maxBytes: number): string {
  return `the request has ${String(bytes)} bytes and may have ${String(maxBytes)}: pass media by URL`;
}

/** Milliseconds from the start until a generation gives up. */
export function deadlineMsOf(request: GenerationRequest): number {
  return request.deadlineMs ?? defaultDeadlineMs;
}

/** All `http:` and `https:` strings in an input. RunComfy's results may echo them, and they are not outputs. */
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

/** Refuses the `budgets` of an order if they are present and not a list of budget names. */
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
