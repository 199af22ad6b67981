import { closest } from 'fastest-levenshtein';
import { isJsonObject, jsonPath } from '../../domain/json.ts';
import { cutText } from '../../domain/text.ts';
import type { SchemaNode } from './normalize-schema.ts';

const maxWarnings = 50;
const maxKeyLength = 80;
const maxPathLength = 200;
/**
 * Known names that a key is compared with: the schema is not ours, and a comparison costs the product of both lengths.
 */
const maxCandidates = 500;

/** One warning per key that the schema does not know, nested ones too, with the nearest known name; at most 50. */
export function findUnknownKeys(input: unknown, node: SchemaNode): string[] {
  const warnings: string[] = [];
  for (const warning of unknownKeys(input, node, '$')) {
    if (warnings.push(warning) === maxWarnings) break;
  }
  return warnings;
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

function describeUnknown(longPath: string, longKey: string, known: string[]): string {
  const path = cutText(longPath, maxPathLength);
  const key = cutText(longKey, maxKeyLength);
  const near = known.filter((name) => name.length <= maxKeyLength).slice(0, maxCandidates);
  const hint = near.length === 0 ? '' : `; the nearest field that it knows is "${closest(key, near)}"`;
  return `${path}: the model knows no field "${key}", it is sent as it is${hint}`;
}
