/** A JSON object: neither null nor an array, nor bytes. The tag, unlike the prototype, is the same in every realm. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === '[object Object]';
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

/** Appends a property or an index to a JSONPath: `$.elements[0].video_url`. */
export function jsonPath(base: string, key: string | number): string {
  if (typeof key === 'number') return `${base}[${String(key)}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key) ? `${base}.${key}` : `${base}[${JSON.stringify(key)}]`;
}

/** Every value of a JSON document with its JSONPath, parents first. However deep it is nested: no recursion. */
export function* walkJson(root: unknown): Generator<{ path: string; value: unknown }> {
  const open = [{ path: '$', value: root }];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    yield node;
    const { path } = node;
    open.push(
      ...childrenOf(node.value)
        .map(([key, value]) => ({ path: jsonPath(path, key), value }))
        .reverse(),
    );
  }
}

/** Whether arrays and objects are nested more than `levels` deep. */
export function isNestedDeeperThan(levels: number, root: unknown): boolean {
  let level = [root];
  for (let depth = 0; depth <= levels; depth += 1) {
    level = level.flatMap((value) => childrenOf(value).map(([, child]) => child));
    if (level.length === 0) return false;
  }
  return true;
}

function childrenOf(value: unknown): [string | number, unknown][] {
  if (Array.isArray(value)) return [...value.entries()];
  return isJsonObject(value) ? Object.entries(value) : [];
}
