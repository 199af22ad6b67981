import { closest } from 'fastest-levenshtein';
import { isJsonObject, jsonPath } from '../../domain/json.ts';
import type { SchemaNode } from './normalize-schema.ts';

const maxWarnings = 50;

/** Names every key that the schema does not know, nested ones too, with the nearest one that it does. */
export function findUnknownKeys(input: unknown, node: SchemaNode): string[] {
  return [...unknownKeys(input, node, '$')].slice(0, maxWarnings);
}

function* unknownKeys(value: unknown, node: SchemaNode, path: string): Generator<string> {
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (node.items) yield* unknownKeys(item, node.items, jsonPath(path, index));
    }
    return;
  }
  if (!isJsonObject(value) || !node.properties) return;
  const known = Object.keys(node.properties);
  for (const [key, item] of Object.entries(value)) {
    const property = Object.hasOwn(node.properties, key) ? node.properties[key] : undefined;
    if (property) yield* unknownKeys(item, property, jsonPath(path, key));
    else if (!node.additionalProperties) yield describeUnknown(jsonPath(path, key), key, known);
  }
}

function describeUnknown(path: string, key: string, known: string[]): string {
  const hint = known.length === 0 ? '' : `; the nearest field that it knows is "${closest(key, known)}"`;
  return `${path}: the model knows no field "${key}", it is sent as it is${hint}`;
}
