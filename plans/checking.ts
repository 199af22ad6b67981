import type { InputIssue, WallPolicy } from '../domain/generation.ts';
import type { MediaKind } from '../domain/media.ts';
import type { PipelinePlan } from '../domain/pipeline/pipeline.ts';
import { checkMediaAsked } from './check-wiring.ts';
import { ExpressionError, type Values } from './evaluate.ts';
import type { Scope } from './expressions/expression-types.ts';
import type { CheckedExpression, ExpressionChecker } from './expressions/expression.ts';
import { parseBareExpression, parseTemplate } from './expressions/template.ts';
import { isUnsettled } from './known-before.ts';
import type { ModelFacts } from './model-facts.ts';

/** An order of a plan, as far as it is known before anything is ordered. */
export interface PlannedOrder {
  step: string;
  /** 0 is the step's own order, 1 its first fallback. */
  rank: number;
  path: string;
  model: string;
  facts: ModelFacts;
  maxPriceUsd?: number;
  onWall?: WallPolicy;
  /** The input of each known item, or one that stands for all items; without a `forEach`, a single input. */
  inputs: { input: Record<string, unknown>; openFields: { field: string; from: string }[] }[];
  /** Undefined if the number of items depends on the output of a step. */
  count: number | undefined;
  /** The items are not known. */
  isOfAnyItem: boolean;
}

/** The model of an order and what is known of it, or the problems that leave it unknown. */
export interface SettledModel {
  known?: { model: string; facts: ModelFacts; kind: MediaKind | undefined };
  /** The expressions that tell the model. */
  expressions: CheckedExpression[];
  issues: InputIssue[];
  /** Problems of what the expressions come to, which are none of a step that the params do not want. */
  valueIssues?: InputIssue[];
}

/** State of the check of one plan. */
export interface Checking {
  plan: PipelinePlan;
  values: Values;
  /** Params without a valid value, or that are not to be read: expressions that use them are not evaluated. */
  unsettled: ReadonlySet<string>;
  checker: ExpressionChecker;
  /** The model of each order, by the order's path in the plan. */
  models: Map<string, SettledModel>;
  /** The kinds of media that a step's own order and its fallbacks make, as far as their models tell. */
  kinds: Map<string, (MediaKind | undefined)[]>;
  issues: InputIssue[];
  warnings: string[];
  /** The parsed `if` of each step that has a valid one. */
  conditions: Map<string, CheckedExpression>;
  orders: PlannedOrder[];
}

/** Checks an expression that may stand with or without `${{ }}`; undefined if it has problems. */
export function checkBare(checking: Checking, text: string, path: string, scope: Scope): CheckedExpression | undefined {
  const parsed = parseBareExpression(text);
  if (!parsed.ok) {
    checking.issues.push({ path, message: parsed.message });
    return undefined;
  }
  const [part] = parsed.parts;
  if (part === undefined || 'text' in part) return undefined;
  const result = checking.checker.check(part.expression, part.column, path, scope);
  if (!result.ok) {
    checking.issues.push(...result.issues);
    return undefined;
  }
  checking.issues.push(...checkMediaAsked(checking.kinds, result.expression.references, path));
  return result.expression;
}

/** Checks every expression in a string. */
export function checkText(checking: Checking, text: string, path: string, scope: Scope): CheckedExpression[] {
  const parsed = parseTemplate(text);
  if (!parsed.ok) {
    checking.issues.push({ path, message: parsed.message });
    return [];
  }
  return parsed.parts.flatMap((part) => {
    if ('text' in part) return [];
    const result = checking.checker.check(part.expression, part.column, path, scope);
    checking.issues.push(
      ...(result.ok ? checkMediaAsked(checking.kinds, result.expression.references, path) : result.issues),
    );
    return result.ok ? [result.expression] : [];
  });
}

/**
 * Evaluates checked expressions; an error becomes a problem of the plan. Not evaluated if a param has no value, which
 * is a problem of its own.
 */
export function attempt(
  { unsettled, issues }: Checking,
  expressions: readonly CheckedExpression[],
  evaluate: () => unknown,
): unknown {
  if (isUnsettled(unsettled, expressions)) return undefined;
  try {
    return evaluate();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    issues.push({ path: error.path, message: error.message });
    return undefined;
  }
}
