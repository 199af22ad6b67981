import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { cutText, wellFormed } from '../../domain/text.ts';

const maxReasonLength = 2_000;
const maxRawLength = 500;
const textKeys = ['error_message', 'message', 'error', 'detail', 'msg', 'reason', 'failure_reason'];
const codeKeys = ['error_code', 'errorCode', 'code'];

/** What RunComfy says went wrong, as one readable text and its code. */
export interface Reason {
  text?: string;
  code?: number | string;
}

/**
 * Reads an error that may be a string, an object or an array of either, in the shapes that RunComfy and its sister APIs
 * use.
 */
export function readReason(value: unknown): Reason {
  const text = cut(readText(value));
  const code = readCode(value);
  return { ...(text !== undefined && { text }), ...(code !== undefined && { code }) };
}

/** Why there is no output, read from error fields only: a `message` or `detail` may be about anything. */
export function errorReason(reply: Readonly<Record<string, unknown>>): Reason {
  const { error, failure_reason: failureReason, error_message: errorMessage, error_code: errorCode } = reply;
  const first = readReason(error);
  const text = first.text ?? readReason(failureReason).text ?? readReason(errorMessage).text ?? rawText(error);
  const code = first.code ?? readReason({ error_code: errorCode }).code;
  return withoutUndefined({ text, code });
}

/** Why a request failed, from a reply that says that it did; here `message` and `detail` count as well. */
export function failureReason(reply: Readonly<Record<string, unknown>>): Reason {
  const { message, detail, error } = reply;
  const { text, code } = errorReason({ ...reply, error: readReason(error).text === undefined ? undefined : error });
  const told = text ?? readReason(message).text ?? readReason(detail).text ?? rawText(error);
  return withoutUndefined({ text: told, code: code ?? readReason(error).code });
}

/** An error of unknown shape, as RunComfy sent it, cut. */
function rawText(error: unknown): string | undefined {
  if (!saysSomething(error)) return undefined;
  return cutText(typeof error === 'string' ? error : JSON.stringify(error), maxRawLength);
}

function saysSomething(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  if (typeof value !== 'object' || value === null) return Boolean(value);
  return Object.values(value).some(saysSomething);
}

/** An error code, as a number if it is one, else as text; undefined for 0, null and blank. */
export function normalizeCode(value: unknown): number | string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value !== 0 ? value : undefined;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const text = wellFormed(value.trim().slice(0, 100));
  return /^\d{1,9}$/.test(text) ? normalizeCode(Number(text)) : text;
}

function readText(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.trim();
  if (Array.isArray(value)) {
    const texts = new Set(value.map(readText).filter((text) => text !== undefined));
    return texts.size === 0 ? undefined : [...texts].join('; ');
  }
  if (!isJsonObject(value)) return undefined;
  const main = firstOf(textKeys, (key) => readText(value[key]));
  const details = readText(value['details']);
  if (main !== undefined) return details === undefined || main.includes(details) ? main : `${main} (${details})`;
  return details ?? readText(value['debugInfo']);
}

function readCode(value: unknown): number | string | undefined {
  if (Array.isArray(value)) return firstOf(value, readCode);
  if (!isJsonObject(value)) return undefined;
  return firstOf(codeKeys, (key) => normalizeCode(value[key])) ?? readCode(value['error']);
}

function firstOf<Item, Found>(items: Item[], read: (item: Item) => Found | undefined): Found | undefined {
  for (const item of items) {
    const found = read(item);
    if (found !== undefined) return found;
  }
  return undefined;
}

function cut(text: string | undefined): string | undefined {
  return text === undefined ? undefined : cutText(text, maxReasonLength);
}
