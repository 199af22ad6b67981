import { cutText } from './text.ts';

/** Where workflows run each look at a global takes longer than what is then done with it. */
const { isArray } = Array;
const { prototype: objects, values: valuesOf } = Object;

/** A JSON object: neither null nor an array, nor bytes. The tag, unlike the prototype, is the same in every realm. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return objects.toString.call(value) === '[object Object]';
}

/** The same fields with those that may be undefined made optional. */
export type WithoutUndefined<Fields> = Fields extends unknown
  ? {
      [Name in keyof Fields as undefined extends Fields[Name] ? never : Name]: Fields[Name];
    } & {
      [Name in keyof Fields as undefined extends Fields[Name] ? Name : never]?: Exclude<Fields[Name], undefined>;
    }
  : never;

/** A copy without the properties that are undefined, which `exactOptionalPropertyTypes` tells from absent ones. */
export function withoutUndefined<Fields extends object>(fields: Fields): WithoutUndefined<Fields> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as WithoutUndefined<Fields>;
}

/** Whether two JSON values are the same document; the order of an object's keys does not count. */
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

/** Keys may have a million letters, and lie deep inside each other: a path is to be told, and is made for every place. */
const maxKeyLength = 200;
const maxPathLength = 1_000;

/** Appends a property or an index to a JSONPath: `$.elements[0].video_url`. One that is too long to be read ends in `…`. */
export function jsonPath(base: string, longKey: string | number): string {
  if (base.length > maxPathLength) return base.endsWith('…') ? base : `${base}…`;
  if (typeof longKey === 'number') return `${base}[${String(longKey)}]`;
  const key = longKey.length > maxKeyLength ? cutText(longKey, maxKeyLength) : longKey;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${base}.${key}` : `${base}[${JSON.stringify(key)}]`;
}

/** Every value of a JSON document with its JSONPath, parents first. However deep or long it is: no recursion, no spread. */
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

/** How large a JSON document may be. */
export interface JsonBounds {
  /** Values at all places together: arrays and objects count as well as what is in them. */
  maxNodes: number;
  /** Arrays and objects inside each other. */
  maxLevels: number;
}

/** No bounds at all. */
export const boundless: JsonBounds = { maxNodes: Number.POSITIVE_INFINITY, maxLevels: Number.POSITIVE_INFINITY };

/**
 * Which bound a document exceeds, if any; looked at no further than that, so a circle ends at `maxLevels`. Shows each
 * value on the way, without its path: paths take most of the time of a walk.
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

/** UTF-8 bytes of a value as JSON. */
export function jsonBytes(value: unknown): number {
  const text = (JSON.stringify(value) as string | undefined) ?? '';
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    // Half of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
