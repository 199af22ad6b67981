import { isJsonObject, type WithoutUndefined } from './json.ts';
import { cutText } from './text.ts';

/** Read once: in the workflow sandbox, each access to a global takes longer than the work done with it. */
const { isFinite } = Number;

const maxUnknownFields = 20;

/** The longest duration that an order may name: a year. */
export const maxStretchMs = 365 * 24 * 60 * 60 * 1000;

/** The largest amount that an order may name, in USD. */
export const maxUsd = 1_000_000;

/** The largest `secondsOfDelayPerRead`; higher values would make no sense. */
export const maxSecondsOfDelay = 3_600;

/** Reports what is wrong with a field. */
export type Refuse = (field: string, message: string) => void;

/** Refuses unknown fields by name. There may be a hundred thousand, so all but the first few are only counted. */
export function refuseUnknown(
  refuse: Refuse,
  path: string,
  given: object,
  [what, known]: readonly [string, readonly string[]],
): void {
  const unknown = Object.keys(given).filter((field) => !known.includes(field));
  for (const field of unknown.slice(0, maxUnknownFields)) {
    refuse(`${path}${field}`, `unknown field; ${what} has ${known.join(', ')}`);
  }
  const more = unknown.length - maxUnknownFields;
  if (more > 0) refuse(`${path}…`, `${String(more)} more unknown fields`);
}

/** Whether a field is absent. Clients in other languages send absent fields as null. */
export function isMissing(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** A copy without missing fields, so that callers need not tell null from undefined. */
export function withoutMissing<Fields extends object>(fields: Fields): WithoutUndefined<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => !isMissing(value)),
  ) as WithoutUndefined<Fields>;
}

/**
 * Like `withoutMissing`, but also drops missing options inside the fields named by `holders`, and drops such a field if
 * it has no options left.
 */
export function withoutMissingIn<Fields extends Record<string, unknown>>(
  fields: Fields,
  holders: readonly (keyof Fields)[],
): WithoutUndefined<Fields> {
  const said = Object.fromEntries(holders.map((name) => [name, optionsSaid(fields[name])]));
  return withoutMissing({ ...fields, ...said });
}

function optionsSaid(options: unknown): unknown {
  if (!isJsonObject(options)) return options;
  const said = withoutMissing(options);
  return Object.keys(said).length === 0 ? undefined : said;
}

/** Whether a value is one of the words. */
function isOneOf(value: unknown, words: readonly string[]): boolean {
  return typeof value === 'string' && words.includes(value);
}

/** Says what is wrong with a value that should be one of the words; undefined if nothing is. */
export function oneOfWords(value: unknown, words: readonly string[]): string | undefined {
  return isOneOf(value, words) ? undefined : `expected ${anyOf(words)}, got ${describe(value)}`;
}

/** `"hold", "fail" or "resubmit"`. */
function anyOf(words: readonly string[]): string {
  const quoted = words.map((word) => JSON.stringify(word));
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.slice(-1).join('')}`;
}

/** Refuses a field that is present and not one of the words. */
export function checkWord(field: string, value: unknown, words: readonly string[], refuse: Refuse): void {
  const problem = isMissing(value) ? undefined : oneOfWords(value, words);
  if (problem !== undefined) refuse(field, problem);
}

/** Refuses a field that is present and not of a type. */
export function checkType(field: string, value: unknown, type: 'boolean' | 'string', refuse: Refuse): void {
  if (isMissing(value) || typeof value === type) return;
  refuse(field, `expected ${type === 'boolean' ? 'true or false' : 'text'}, got ${describe(value)}`);
}

/** Whether a value is a whole number in a range. */
export function isIntegerBetween(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

/** Whether a value is a valid duration: whole milliseconds, from 1 to a year. */
export function isStretchMs(value: unknown): value is number {
  return isIntegerBetween(value, 1, maxStretchMs);
}

/** Refuses a field that is present and not a valid duration. */
export function checkStretch(field: string, ms: unknown, refuse: Refuse): void {
  if (isMissing(ms) || isStretchMs(ms)) return;
  refuse(field, `expected whole milliseconds from 1 to ${String(maxStretchMs)}, got ${describe(ms)}`);
}

/** Whether a value is an amount of USD above 0, with at most 6 decimals. */
export function isUsd(value: unknown): value is number {
  if (typeof value !== 'number' || !isFinite(value) || value <= 0 || value > maxUsd) return false;
  return Math.abs(Math.round(value * 1e6) - value * 1e6) < 1e-3;
}

/** Refuses a field that is present and not a valid amount of USD. */
export function checkUsd(field: string, usd: unknown, refuse: Refuse): void {
  if (isMissing(usd) || isUsd(usd)) return;
  refuse(field, `expected USD above 0 with at most 6 decimals, got ${describe(usd)}`);
}

/** Briefly describes a value that was found instead of the expected one. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (isJsonObject(value)) return 'an object';
  if (typeof value === 'number') return String(value);
  if (ArrayBuffer.isView(value)) return `${String(value.byteLength)} bytes instead of JSON`;
  return cutText(JSON.stringify(typeof value === 'string' ? value.slice(0, 100) : value), 80);
}
