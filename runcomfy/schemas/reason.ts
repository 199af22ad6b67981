import { isJsonObject } from '../../domain/json.ts';
import { cutText, wellFormed } from '../../domain/text.ts';

const maxReasonLength = 2_000;
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

/** An error code: a number where it is one, else its text; none for 0, null and blank. */
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
