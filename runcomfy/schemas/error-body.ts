import type { InputIssue } from '../../domain/generation.ts';
import { createIssueList, issuesSentence } from '../../domain/issues.ts';
import { isJsonObject, jsonPath, withoutUndefined } from '../../domain/json.ts';
import { normalizeCode, readReason } from './reason.ts';

const messageKeys = ['error_message', 'message', 'error', 'detail'];

/** What a body says about an error. */
export interface ErrorBody {
  /** RunComfy's `error_code`, else `code`, which counts only in a reply with an HTTP error status. */
  code?: number | string;
  message?: string;
  issues?: InputIssue[];
  /** The body has the form of RunComfy's own errors, which no server in front of it writes. */
  isFromApplication: boolean;
}

/** Reads the error fields of a reply that has an HTTP error status. */
export function readErrorBody(body: unknown): ErrorBody {
  if (!isJsonObject(body)) return { isFromApplication: false };
  const code = normalizeCode(body['error_code']) ?? normalizeCode(body['code']);
  const issues = readIssues(body['detail']);
  const message = readMessage(body, issues);
  const hasOwnFields =
    normalizeCode(body['error_code']) !== undefined ||
    readReason(body['error_message']).text !== undefined ||
    isRefusalCode(body['code']) ||
    isValidationDetail(body['detail']);
  return withoutUndefined({
    code,
    message,
    issues: issues.length > 0 ? issues : undefined,
    isFromApplication: hasOwnFields,
  });
}

/** The error that a 2xx reply carries in its body, if it carries one: RunComfy answers some errors with HTTP 200. */
export function readErrorInSuccess(body: unknown): ErrorBody | undefined {
  if (!isJsonObject(body) || normalizeCode(body['error_code']) === undefined) return undefined;
  return readErrorBody(body);
}

function readMessage(body: Record<string, unknown>, issues: InputIssue[]): string | undefined {
  for (const key of messageKeys) {
    if (key === 'detail' && issues.length > 0) return issuesSentence(issues);
    const { text } = readReason(body[key]);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** `detail: [{ loc: ['body', 'multi_prompt', 2, 'duration'], msg, type }]` as issues by JSONPath. */
function readIssues(detail: unknown): InputIssue[] {
  const issues = createIssueList();
  const items: unknown[] = Array.isArray(detail) ? detail : [];
  for (const [index, item] of items.entries()) {
    if (issues.isFull()) {
      issues.count(items.length - index);
      break;
    }
    const { text } = readReason(item);
    if (text !== undefined) issues.add(isJsonObject(item) ? pathOf(item['loc']) : '$', text);
  }
  return issues.toIssues();
}

/** Whether `detail` has the form `[{ loc, msg }]`, which RunComfy writes with and without a code. */
function isValidationDetail(detail: unknown): boolean {
  const isIssue = (item: unknown) =>
    isJsonObject(item) && Array.isArray(item['loc']) && typeof item['msg'] === 'string';
  return Array.isArray(detail) && detail.length > 0 && detail.every(isIssue);
}

/**
 * Whether a value is one of RunComfy's own 4xx codes, in whichever field: six digits that begin with the HTTP status.
 */
export function isRefusalCode(value: unknown): boolean {
  const code = normalizeCode(value);
  return typeof code === 'number' && code >= 400_000 && code < 500_000;
}

function pathOf(loc: unknown): string {
  const steps = (Array.isArray(loc) ? loc : [loc]).filter(
    (step): step is string | number => typeof step === 'string' || typeof step === 'number',
  );
  return (steps[0] === 'body' ? steps.slice(1) : steps).reduce<string>(jsonPath, '$');
}
