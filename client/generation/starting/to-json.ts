import type { InputIssue } from '../../../domain/generation.ts';
import { createIssueList } from '../../../domain/issues.ts';
import { jsonPath } from '../../../domain/json.ts';
import { wellFormed } from '../../../domain/text.ts';

/** The JSON text of a value, or the reasons why it cannot be sent as it is. */
export type JsonText = { text: string } | { issues: InputIssue[] };

/** Tags of the objects that JSON can represent; others become `{}`. */
const jsonTags = ['Object', 'Array', 'String', 'Number', 'Boolean'];

/**
 * Converts a request to JSON. Values that JSON would silently change (`NaN` into null, a `Map` into `{}`, a lone
 * surrogate into a replacement character) are reported by their path, as are values that cannot be converted: cycles,
 * and getters that throw.
 */
export function toJsonText(request: unknown): JsonText {
  const issues = createIssueList();
  const paths = new WeakMap<object, string>();
  function replace(this: object, name: string, value: unknown): unknown {
    const path = pathOf(paths.get(this), this, name);
    if (typeof value === 'object' && value !== null) paths.set(value, path);
    const problem = problemOf(Reflect.get(this, name), value, this);
    if (problem !== undefined) issues.add(path, `expected a JSON value, got ${problem}`);
    else if (name !== wellFormed(name)) issues.add(path, 'the name holds half a character');
    else return value;
    return null;
  }
  try {
    const text = JSON.stringify(request, replace) as unknown;
    if (typeof text !== 'string') issues.add('request', 'expected an object { model, input, … }');
    else if (issues.toIssues().length === 0) return { text };
  } catch (error) {
    // A getter may throw anything, also a value that cannot be turned into text.
    const reason = error instanceof Error ? error.message.split('\n')[0] : undefined;
    issues.add('$', `it cannot be turned into JSON: ${reason ?? 'a getter or a toJSON threw'}`);
  }
  return { issues: issues.toIssues() };
}

/** Fields of the request are named `request.<field>`; places inside the input get a JSONPath from its root. */
function pathOf(parent: string | undefined, holder: object, name: string): string {
  if (parent === undefined) return 'request';
  if (parent === 'request' && name === 'input') return '$';
  return jsonPath(parent, Array.isArray(holder) ? Number(name) : name);
}

/** What JSON would change about a value: `given` is the original, `value` what its own `toJSON` returned. */
function problemOf(given: unknown, value: unknown, holder: object): string | undefined {
  if (ArrayBuffer.isView(given)) return 'bytes; pass media by URL';
  switch (typeof value) {
    case 'string':
      return value === wellFormed(value) ? undefined : 'text with half a character (a lone surrogate)';
    case 'number':
      return Number.isFinite(value) ? undefined : String(value);
    case 'boolean':
      return undefined;
    case 'undefined':
      return Array.isArray(holder) ? 'nothing in a list' : undefined;
    case 'bigint':
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    case 'object':
      if (value === null) return given === null ? undefined : `an invalid ${tagOf(given)}`;
      return jsonTags.includes(tagOf(value)) ? undefined : `a ${tagOf(value)}`;
  }
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}
