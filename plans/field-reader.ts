import { distance } from 'fastest-levenshtein';
import { parseDuration } from '../domain/duration.ts';
import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, jsonPath } from '../domain/json.ts';
import { isUsd, maxStretchMs } from '../domain/request-checks.ts';
import { cutText } from '../domain/text.ts';

/** Reads the fields of one object of a plan, and collects every problem by its path. */
export interface FieldReader {
  path: string;
  refuse: (field: string, message: string) => void;
  /** The field's value; null counts as missing. */
  raw: (field: string) => unknown;
  text: (field: string) => string | undefined;
  integer: (field: string, range: { min: number; max: number }) => number | undefined;
  /** Above 0, with at most 6 decimals. */
  usd: (field: string) => number | undefined;
  flag: (field: string) => boolean | undefined;
  word: <Word extends string>(field: string, words: readonly Word[]) => Word | undefined;
  /** A duration such as `90s`, `30m`, `1h30m` or `2d`, in milliseconds. */
  duration: (field: string) => number | undefined;
  object: (field: string) => Record<string, unknown> | undefined;
  /** A reader for the object in a field. */
  below: (field: string, fields: readonly string[]) => FieldReader | undefined;
}

/** Opens an object for reading; unknown fields are reported at once. */
export function readFields(
  value: Record<string, unknown>,
  path: string,
  fields: readonly string[],
  issues: InputIssue[],
): FieldReader {
  const refuse = (field: string, message: string) => issues.push({ path: jsonPath(path, field), message });
  for (const field of Object.keys(value)) {
    if (!fields.includes(field)) refuse(field, `unknown field${didYouMean(field, fields)}`);
  }
  const raw = (field: string): unknown => (Object.hasOwn(value, field) ? (value[field] ?? undefined) : undefined);
  /** Returns the value, or reports the field if there is none. */
  const fitting = <Value>(field: string, fits: Value | undefined, expected: string): Value | undefined => {
    if (fits === undefined) refuse(field, `expected ${expected}, got ${describeValue(value[field])}`);
    return fits;
  };
  const reader: FieldReader = {
    path,
    refuse,
    raw,
    text: (field) => {
      const found = raw(field);
      return found === undefined ? undefined : fitting(field, typeof found === 'string' ? found : undefined, 'text');
    },
    integer: (field, { min, max }) => {
      const found = raw(field);
      if (found === undefined) return undefined;
      const fits = typeof found === 'number' && Number.isInteger(found) && found >= min && found <= max;
      return fitting(field, fits ? found : undefined, `a whole number from ${String(min)} to ${String(max)}`);
    },
    usd: (field) => {
      const found = raw(field);
      if (found === undefined) return undefined;
      return fitting(field, isUsd(found) ? found : undefined, 'an amount of USD above 0 with at most 6 decimals');
    },
    flag: (field) => {
      const found = raw(field);
      if (found === undefined) return undefined;
      return fitting(field, typeof found === 'boolean' ? found : undefined, 'true or false');
    },
    word: (field, words) => {
      const found = raw(field);
      if (found === undefined) return undefined;
      const list = words.map((word) => `"${word}"`).join(' or ');
      return fitting(
        field,
        words.find((word) => word === found),
        list,
      );
    },
    duration: (field) => {
      const found = raw(field);
      if (found === undefined) return undefined;
      const ms = typeof found === 'string' ? parseDuration(found) : undefined;
      const fits = ms !== undefined && ms > 0 && ms <= maxStretchMs;
      return fitting(field, fits ? ms : undefined, 'a duration like "90s", "30m", "1h30m" or "2d", at most a year');
    },
    object: (field) => {
      const found = raw(field);
      return found === undefined ? undefined : fitting(field, isJsonObject(found) ? found : undefined, 'an object');
    },
    below: (field, fieldsBelow) => {
      const found = reader.object(field);
      return found && readFields(found, jsonPath(path, field), fieldsBelow, issues);
    },
  };
  return reader;
}

/** The most similar name, as the end of a sentence; empty if none is similar. */
export function didYouMean(name: string, names: readonly string[]): string {
  const near = names
    .map((candidate) => ({ candidate, edits: distance(name.slice(0, 100), candidate) }))
    .filter(({ candidate, edits }) => edits <= Math.max(candidate.length > 3 ? 2 : 1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits)[0];
  return near === undefined ? '' : `; did you mean ${near.candidate}`;
}

/** A short description of a value for messages, enough to recognize it. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${String(value.length)}`;
  if (isJsonObject(value)) return 'an object';
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return cutText(text, 80);
}
