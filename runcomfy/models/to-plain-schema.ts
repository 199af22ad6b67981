import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { findMedia } from './media-rules.ts';
import { normalizeSchema, type SchemaNode } from './normalize-schema.ts';

type JsonSchema = Record<string, unknown>;

const dialect = 'https://json-schema.org/draft/2020-12/schema';

/**
 * Converts an input schema to plain JSON Schema that accepts what our own check accepts. RunComfy's formats become
 * `x-runcomfy-format`, since they check nothing. Defaults of prompts and media become `examples`: they are samples from
 * RunComfy's pages, which nobody wants to order.
 */
export function toPlainSchema(schema: JsonSchema): JsonSchema {
  return { $schema: dialect, ...toPlain(normalizeSchema(schema).node, schema) };
}

function toPlain(node: SchemaNode, published: unknown, name = '', isRequired = false): JsonSchema {
  const raw = isJsonObject(published) ? published : {};
  const { nullable, mediaFormat, publishedDefault, properties, items, additionalProperties, anyOf, allOf, ...checks } =
    node;
  const alternatives = raw['anyOf'] ?? raw['oneOf'];
  const checked: JsonSchema = {
    ...checks,
    ...(properties && { properties: propertiesOf(node, raw['properties']) }),
    ...(items && { items: toPlain(items, raw['items'], name) }),
    ...(additionalProperties && { additionalProperties: toPlain(additionalProperties, raw['additionalProperties']) }),
    ...(anyOf && { anyOf: anyOf.map((one, at) => toPlain(one, itemOf(alternatives, at), name)) }),
    ...(allOf && { allOf: allOf.map((one, at) => toPlain(one, itemOf(raw['allOf'], at), name)) }),
  };
  const isKnown = publishedDefault !== undefined && publishedDefault !== null;
  const isSample = isKnown && isSampleOf(node, publishedDefault, name, isRequired);
  return {
    ...(typeof raw['title'] === 'string' && { title: raw['title'] }),
    ...(typeof raw['description'] === 'string' && { description: raw['description'] }),
    ...(nullable === true ? orNull(checked) : checked),
    ...withoutUndefined({ 'x-runcomfy-format': mediaFormat }),
    ...(isKnown && (isSample ? { examples: [publishedDefault] } : { default: publishedDefault })),
  };
}

function propertiesOf({ properties = {}, required = [] }: SchemaNode, published: unknown): JsonSchema {
  const raw = isJsonObject(published) ? published : {};
  return Object.fromEntries(
    Object.entries(properties).map(([name, node]) => [name, toPlain(node, raw[name], name, required.includes(name))]),
  );
}

function itemOf(list: unknown, index: number): unknown {
  return Array.isArray(list) ? (list as unknown[])[index] : undefined;
}

/** Whether a default only shows what a field may hold. */
function isSampleOf(node: SchemaNode, value: unknown, name: string, isRequired: boolean): boolean {
  if (value === '' || node.enum !== undefined) return false;
  if (!findMedia(value, node, '$', name).next().done) return true;
  const isPrompt = /prompt/i.test(name);
  return typeof value === 'string' ? isPrompt || isRequired : isPrompt && typeof value === 'object';
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  // Here `type` alone does not admit null: an `enum`, for one, would have to list it.
  if (['enum', 'anyOf', 'allOf'].some((keyword) => keyword in schema)) return { anyOf: [schema, { type: 'null' }] };
  return type === undefined ? schema : { ...schema, type: [type, 'null'].flat() };
}
