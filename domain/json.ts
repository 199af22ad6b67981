import { cutText } from './text.ts';

/** Read once: in the workflow sandbox, each access to a global takes longer than the work done with it. */
const { isArray } = Array;
const { prototype: objects, values: valuesOf } = Object;

/**
 * Whether a value is a JSON object: not null, not an array, not bytes. Checks the tag because, unlike the prototype, it
 * is the same in every realm.
 */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return objects.toString.call(value) === '[object Object]';
}

/** The same fields, with those that may be undefined made optional. */
export type WithoutUndefined<Fields> = Fields extends unknown
  ? {
      [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name];
    } & {
      [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
    }
  : never;

/** A copy without undefined properties, which `exactOptionalPropertyTypes` distinguishes from absent ones. */
export function withoutUndefined<Fields extends object>(fields: Fields): WithoutUndefined<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as WithoutUndefined<Fields>;
}

/** Whether two JSON values are equal, ignoring the order of object keys. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b) || a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  );
}

/**
 * Keys may be very long and deeply nested. Paths appear in messages and are built for every value, so both lengths are
 * bounded.
 */
const maxKeyLength = 200;
const maxPathLength = 1_000;

/** Appends a property or an index to a JSONPath: `$.elements[0].video_url`. A path that is too long ends in `…`. */
export function jsonPath(base: string, longKey: string | number): string {
  if (base.length > maxPathLength) return base.endsWith('…') ? base : `${base}…`;
  if (typeof longKey === 'number') return `${base}[${String(longKey)}]`;
  const key = longKey.length > maxKeyLength ? cutText(longKey, maxKeyLength) : longKey;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${base}.${key}` : `${base}[${JSON.stringify(key)}]`;
}

/**
 * Every value of a JSON document with its JSONPath, parents first. Uses neither recursion nor spread, so that depth and
 * length do not matter.
 */
export function* walkJson(root: unknown): Generator<{ path: string; value: unknown }> {
  const top = { path: '$', value: root };
  yield top;
  const open = [childrenOf(top)];
  for (let children = open.at(-1); children !== undefined; children = open.at(-1)) {
    const child = children.next();
    if (child.done === true) {
      open.pop();
      continue;
    }
    yield child.value;
    open.push(childrenOf(child.value));
  }
}

/** Limits for a JSON document. */
export interface JsonBounds {
  /** Values in the whole document; arrays and objects count as well as their contents. */
  maxNodes: number;
  /** Nesting depth of arrays and objects. */
  maxLevels: number;
}

/** No bounds at all. */
export const boundless: JsonBounds = { maxNodes: Number.POSITIVE_INFINITY, maxLevels: Number.POSITIVE_INFINITY };

/**
 * Names the bound that a document exceeds, if any. Stops there, so a circular structure ends at `maxLevels`. Passes
 * each visited value to `look`, without its path: building paths takes most of the time of a walk.
 */
export function findExcess(
  root: unknown,
  { maxNodes, maxLevels }: JsonBounds,
  look?: (value: unknown) => void,
): keyof JsonBounds | undefined {
  let nodes = 1;
  look?.(root);
  const open = [valuesIn(root).values()];
  for (let values = open.at(-1); values !== undefined; values = open.at(-1)) {
    const next = values.next();
    if (next.done === true) {
      open.pop();
      continue;
    }
    nodes += 1;
    if (open.length > maxLevels) return 'maxLevels';
    if (nodes > maxNodes) return 'maxNodes';
    look?.(next.value);
    const inner = valuesIn(next.value);
    if (inner.length > 0) open.push(inner.values());
  }
  return undefined;
}

const nothing: unknown[] = [];

function valuesIn(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return nothing;
  if (isArray(value)) return value;
  return isJsonObject(value) ? valuesOf(value) : nothing;
}

function* childrenOf({ path, value }: { path: string; value: unknown }): Generator<{ path: string; value: unknown }> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield { path: jsonPath(path, index), value: item };
  } else if (isJsonObject(value)) {
    for (const [key, item] of Object.entries(value)) yield { path: jsonPath(path, key), value: item };
  }
}

/** Size of a value as JSON, in UTF-8 bytes. */
export function jsonBytes(value: unknown): number {
  const text = (JSON.stringify(value) as string | undefined) ?? '';
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // Each half of a surrogate pair counts for two of the character's four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
