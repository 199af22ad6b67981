import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, jsonPath, withoutUndefined } from '../domain/json.ts';
import type { SchemaNode } from '../runcomfy/models/normalize-schema.ts';
import { ExpressionError, openEvaluation, type Values } from './evaluate.ts';
import type { Scope } from './expressions/expression-types.ts';
import type { CheckedExpression, ExpressionChecker, StepReference } from './expressions/expression.ts';
import { parseTemplate, soleExpression } from './expressions/template.ts';
import { isUnsettled } from './known-before.ts';

/** A place of an input that is filled by expressions. */
export interface FilledPlace {
  /** JSONPath from the input's root. */
  path: string;
  /** Set if the place is a single expression without other text. */
  sole?: { text: string; expression: CheckedExpression };
  /** What its value depends on: a step, or `item`. Undefined if the value is known, or could not be determined. */
  openUntil?: string;
  /** It depends on params that are not read. */
  isUnread: boolean;
  references: StepReference[];
  node: SchemaNode | undefined;
}

/** An input as far as it is known before anything is ordered; stand-ins represent the outputs of steps. */
export interface HeldInput {
  input: unknown;
  places: FilledPlace[];
  issues: InputIssue[];
}

export interface HoldOptions {
  checker: ExpressionChecker;
  scope: Scope;
  /** The params, and the item if it is known. */
  values: Values;
  isItemKnown: boolean;
  /** Params without a valid value, or that are not to be read. */
  unsettled: ReadonlySet<string>;
  node: SchemaNode | undefined;
  /** Path of the input in the plan. */
  path: string;
}

const standInUrl = 'https://example.com/output';

/**
 * Evaluates what is known of an input, and puts stand-ins where outputs of steps will be. Paths of issues are paths in
 * the plan.
 */
export function holdOpen(
  input: unknown,
  { checker, scope, values, isItemKnown, unsettled, node, path }: HoldOptions,
): HeldInput {
  const places: FilledPlace[] = [];
  const issues: InputIssue[] = [];
  // One evaluation for the whole input, as when it is ordered, so that an input exceeding the limits is reported before
  // anything is ordered.
  const { evaluate, isSpent } = openEvaluation(values);
  const inPlan = (at: string) => `${path}${at.slice(1)}`;
  const fill = (part: unknown, at: string, schema: SchemaNode | undefined): unknown => {
    if (typeof part === 'string') return fillText(part, at, schema);
    if (Array.isArray(part)) return part.map((item, index) => fill(item, jsonPath(at, index), schema?.items));
    if (!isJsonObject(part)) return part;
    const entries = Object.entries(part);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, fill(item, jsonPath(at, key), schema?.properties?.[key])]),
    );
  };
  const fillText = (text: string, at: string, schema: SchemaNode | undefined): unknown => {
    const parsed = parseTemplate(text);
    if (!parsed.ok) {
      issues.push({ path: inPlan(at), message: parsed.message });
      return text;
    }
    const checked = parsed.parts.flatMap((part) =>
      'text' in part ? [] : [checker.check(part.expression, part.column, inPlan(at), scope)],
    );
    const failed = checked.flatMap((check) => (check.ok ? [] : check.issues));
    issues.push(...failed);
    const expressions = checked.flatMap((check) => (check.ok ? [check.expression] : []));
    if (checked.length > 0) {
      const soleText = soleExpression(parsed.parts);
      const [only] = expressions;
      const references = expressions.flatMap((expression) => expression.references);
      const sole = soleText !== undefined && only !== undefined ? { text: soleText, expression: only } : undefined;
      const isOfItem = !isItemKnown && expressions.some(({ usesItem }) => usesItem);
      const openUntil = references[0]?.step ?? (isOfItem ? 'item' : undefined);
      const isUnread = isUnsettled(unsettled, expressions);
      places.push({ path: at, references, node: schema, isUnread, ...withoutUndefined({ sole, openUntil }) });
      if (failed.length > 0 || openUntil !== undefined || isUnread || isSpent()) {
        return standIn(sole?.expression.type ?? 'string', schema);
      }
    }
    try {
      return evaluate(text, inPlan(at));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      issues.push({ path: error.path, message: error.message });
      return standIn('dyn', schema);
    }
  };
  return { input: fill(input, '$', node), places, issues };
}

/**
 * A value of the right type, so that the rest of an input can be checked; problems of this value itself are dropped.
 */
function standIn(type: string, node: SchemaNode | undefined): unknown {
  if (node?.enum?.[0] !== undefined) return node.enum[0];
  if (type === 'int' || type === 'double') return node?.minimum ?? 1;
  if (type === 'bool') return true;
  if (type === 'list' || type.startsWith('list<')) return [standInUrl];
  if (type.startsWith('map')) return {};
  return standInUrl;
}
