import { z } from 'zod';
import type { InputIssue } from '../../domain/generation.ts';
import { boundIssues } from '../../domain/issues.ts';
import { isJsonObject, jsonPath } from '../../domain/json.ts';
import { describeExpected, describeFound } from './describe.ts';
import { normalizeSchema, type SchemaNode } from './normalize-schema.ts';
import { findUnknownKeys } from './unknown-keys.ts';

/** The findings of a check: any issue refuses the input, warnings are for people. */
export interface InputReport {
  issues: InputIssue[];
  warnings: string[];
}

/** An input schema compiled once for any number of inputs. */
export interface CompiledSchema {
  node: SchemaNode;
  /** Lists every problem. Reads the input and changes nothing: no default is filled in. */
  check: (input: Record<string, unknown>) => InputReport;
}

const compiled = new WeakMap<object, CompiledSchema>();

/**
 * Compiles any input schema in RunComfy's dialect. A schema that cannot be used accepts every input, with a warning.
 */
export function compileInputSchema(schema: Readonly<Record<string, unknown>>): CompiledSchema {
  const known = compiled.get(schema);
  if (known) return known;
  const created = compile(schema);
  compiled.set(schema, created);
  return created;
}

function compile(schema: Readonly<Record<string, unknown>>): CompiledSchema {
  const { node, warnings } = normalizeSchema(schema);
  const validator = node.properties === undefined ? undefined : toZod(node);
  if (validator === undefined) {
    const warning = "the model's published input schema cannot be used; RunComfy will judge the input";
    return { node: {}, check: () => ({ issues: [], warnings: [warning] }) };
  }
  return {
    node,
    check(input) {
      const result = validator.safeParse(input);
      const issues = result.success ? [] : boundIssues(result.error.issues, (issue) => toIssue(issue, node, input));
      return { issues, warnings: [...warnings, ...findUnknownKeys(input, node)] };
    },
  };
}

function toZod(node: SchemaNode): z.ZodType | undefined {
  try {
    return z.fromJSONSchema(node as z.core.JSONSchema.JSONSchema, { defaultTarget: 'openapi-3.0' });
  } catch {
    return undefined;
  }
}

function toIssue(issue: z.core.$ZodIssue, node: SchemaNode, input: unknown): InputIssue {
  const keys = issue.path.filter((key) => typeof key !== 'symbol');
  const place = keys.reduce<{ path: string; value: unknown; node: SchemaNode | undefined }>(
    ({ path, value, node: parent }, key) => ({
      path: jsonPath(path, key),
      value: typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
      node: typeof key === 'number' ? parent?.items : parent?.properties?.[key],
    }),
    { path: '$', value: input, node },
  );
  const expected = place.node && describeExpected(place.node);
  if (expected === undefined) return { path: place.path, message: issue.message };
  if (place.value === undefined) return { path: place.path, message: `is required: expected ${expected}` };
  return { path: place.path, message: `expected ${expected}, got ${foundFor(issue, place.value)}` };
}

function foundFor(issue: z.core.$ZodIssue, value: unknown): string {
  const isAboutLength = (issue.code === 'too_big' || issue.code === 'too_small') && typeof value === 'string';
  if (isAboutLength) return `one of ${String(value.length)}`;
  return isJsonObject(value) ? 'an object' : describeFound(value);
}
