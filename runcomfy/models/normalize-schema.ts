import { isJsonObject, jsonPath } from '../../domain/json.ts';

/**
 * A node of an input schema, translated from RunComfy's dialect to plain JSON Schema without what cannot be checked.
 */
export interface SchemaNode {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: SchemaNode;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  allOf?: SchemaNode[];
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  nullable?: boolean;
  /** The `format` as published; it marks media fields. */
  mediaFormat?: string;
  /** The `default` as published: shown and used to calculate prices and lengths, never sent. */
  publishedDefault?: unknown;
  [keyword: string]: unknown;
}

export interface NormalizedSchema {
  node: SchemaNode;
  warnings: string[];
}

const typeNames: Readonly<Record<string, string>> = { float: 'number', double: 'number' };
const standardTypes = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null'];
const numericKeywords = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
];

/**
 * Translates RunComfy's dialect into plain JSON Schema: `float` is a number, a default of null makes a field nullable,
 * and a list without `items` accepts anything. Formats, patterns (one can hang the process on a short text), defaults
 * and unknown keywords are not checked. A required name without a property must be a mistake and only gives a warning.
 */
export function normalizeSchema(schema: unknown): NormalizedSchema {
  const warnings: string[] = [];
  return { node: normalizeNode(schema, '$', warnings), warnings };
}

function normalizeNode(schema: unknown, path: string, warnings: string[]): SchemaNode {
  if (!isJsonObject(schema)) return {};
  const node: SchemaNode = {};
  const type = typeOf(schema, path, warnings);
  if (type !== undefined) node.type = type;
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) node.enum = schema['enum'];
  else if (schema['const'] !== undefined) node.enum = [schema['const']];
  for (const keyword of numericKeywords) {
    if (typeof schema[keyword] === 'number') node[keyword] = schema[keyword];
  }
  if (typeof schema['format'] === 'string') node.mediaFormat = schema['format'];
  if (schema['default'] !== undefined) node.publishedDefault = schema['default'];
  if (schema['default'] === null || schema['nullable'] === true) node.nullable = true;

  if (isJsonObject(schema['properties'])) {
    const entries = Object.entries(schema['properties']);
    const properties = Object.fromEntries(
      entries.map(([key, property]) => [key, normalizeNode(property, jsonPath(path, key), warnings)]),
    );
    node.properties = properties;
    node.required = requiredOf(schema['required'], properties, path, warnings);
  }
  if (isJsonObject(schema['additionalProperties'])) {
    node.additionalProperties = normalizeNode(schema['additionalProperties'], `${path}.*`, warnings);
  }
  if (node.type === 'array') node.items = normalizeNode(schema['items'], `${path}[*]`, warnings);
  const alternatives = Array.isArray(schema['anyOf']) ? schema['anyOf'] : schema['oneOf'];
  if (Array.isArray(alternatives) && alternatives.length > 0) {
    node.anyOf = alternatives.map((item) => normalizeNode(item, path, warnings));
  }
  if (Array.isArray(schema['allOf']) && schema['allOf'].length > 0) {
    node.allOf = schema['allOf'].map((item) => normalizeNode(item, path, warnings));
  }
  return node;
}

function typeOf(schema: Record<string, unknown>, path: string, warnings: string[]): string | string[] | undefined {
  const { type } = schema;
  if (type === undefined) {
    if (isJsonObject(schema['properties'])) return 'object';
    return schema['items'] === undefined ? undefined : 'array';
  }
  const names: unknown[] = Array.isArray(type) ? type : [type];
  const known = names
    .map((name) => (typeof name === 'string' ? (typeNames[name] ?? name) : ''))
    .filter((name) => standardTypes.includes(name));
  if (known.length < names.length || known.length === 0) {
    warnings.push(
      `${path}: the model's schema has a type that is not known here (${JSON.stringify(type)}); it is not checked`,
    );
    return undefined;
  }
  return known.length === 1 ? known[0] : known;
}

function requiredOf(
  required: unknown,
  properties: Record<string, SchemaNode>,
  path: string,
  warnings: string[],
): string[] {
  const names = Array.isArray(required) ? required.filter((name): name is string => typeof name === 'string') : [];
  return names.filter((name) => {
    if (Object.hasOwn(properties, name)) return true;
    warnings.push(
      `${jsonPath(path, name)}: the model's schema requires it but does not describe it; its absence is let pass`,
    );
    return false;
  });
}
