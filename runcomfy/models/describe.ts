import { isJsonObject } from '../../domain/json.ts';
import { wellFormed } from '../../domain/text.ts';
import type { SchemaNode } from './normalize-schema.ts';

/** Enum values listed in a message, which is cut anyway. */
const maxValues = 50;

/** What a schema asks for, in words: `a whole number from 3 to 15`. */
export function describeExpected(node: SchemaNode): string | undefined {
  const words = describeNode(node);
  return words !== undefined && node.nullable === true ? `${words} or null` : words;
}

/** What was found, in words: `"10"`, `a list of 4 items`. */
export function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list of ${count(value.length, 'item')}`;
  if (isJsonObject(value)) return 'an object';
  if (value === null) return 'null';
  if (typeof value !== 'string') return (value as number | boolean | bigint).toString();
  return value.length > 80
    ? `${JSON.stringify(wellFormed(value.slice(0, 80)))}… (${count(value.length, 'character')})`
    : JSON.stringify(value);
}

function describeNode(node: SchemaNode): string | undefined {
  if (node.enum) {
    const values = node.enum.slice(0, maxValues).map((value) => JSON.stringify(value));
    if (node.enum.length > maxValues) values.push('…');
    return values.length === 1 ? values[0] : `one of ${values.join(', ')}`;
  }
  if (node.anyOf) return join(node.anyOf.map(describeExpected));
  if (Array.isArray(node.type)) return join(node.type.map((type) => describeNode({ ...node, type })));
  switch (node.type) {
    case 'integer':
      return `a whole number${numberRange(node)}`;
    case 'number':
      return `a number${numberRange(node)}`;
    case 'string':
      return `a string${range(node['minLength'], node['maxLength'], 'character')}`;
    case 'array':
      return `a list${range(node.minItems, node.maxItems, 'item')}`;
    case 'boolean':
      return 'true or false';
    case 'object':
      return 'an object';
    case 'null':
      return 'null';
    case undefined:
    default:
      return undefined;
  }
}

function numberRange(node: SchemaNode): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = node;
  const limits = [
    typeof exclusiveMinimum === 'number' ? `above ${String(exclusiveMinimum)}` : undefined,
    typeof exclusiveMaximum === 'number' ? `below ${String(exclusiveMaximum)}` : undefined,
    typeof multipleOf === 'number' ? `in steps of ${String(multipleOf)}` : undefined,
  ].filter((limit) => limit !== undefined);
  if (minimum !== undefined && maximum !== undefined) limits.unshift(`from ${String(minimum)} to ${String(maximum)}`);
  else if (minimum !== undefined) limits.unshift(`of at least ${String(minimum)}`);
  else if (maximum !== undefined) limits.unshift(`of at most ${String(maximum)}`);
  return limits.map((limit) => ` ${limit}`).join('');
}

function range(min: unknown, max: unknown, unit: string): string {
  const least = typeof min === 'number' && min > 0 ? min : undefined;
  if (typeof max === 'number') {
    return least === undefined ? ` of at most ${count(max, unit)}` : ` of ${String(least)} to ${count(max, unit)}`;
  }
  return least === undefined ? '' : ` of at least ${count(least, unit)}`;
}

function count(number: number, unit: string): string {
  return `${String(number)} ${unit}${number === 1 ? '' : 's'}`;
}

function join(words: (string | undefined)[]): string | undefined {
  return words.every((word) => word !== undefined) ? words.join(' or ') : undefined;
}
