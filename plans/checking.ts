import type { InputIssue, WallPolicy } from '../domain/generation.ts';
import type { MediaKind } from '../domain/media.ts';
import type { PipelinePlan } from '../domain/pipeline/pipeline.ts';
import { checkMediaAsked } from './check-wiring.ts';
import { ExpressionError, type Values } from './evaluate.ts';
import type { Scope } from './expression-types.ts';
import type { CheckedExpression, ExpressionChecker } from './expression.ts';
import { isUnsettled } from './known-before.ts';
import type { ModelFacts } from './model-facts.ts';
import { parseBareExpression, parseTemplate } from './template.ts';

/** An order as far as it is known before anything is paid. */
export interface PlannedOrder {
  step: string;
  /** 0 is the step's own order, 1 its first fallback. */
  rank: number;
  path: string;
  model: string;
  facts: ModelFacts;
  maxPriceUsd?: number;
  onWall?: WallPolicy;
  /** One for each item that is known, else one that stands for all; without a `forEach` one. */
  inputs: { input: Record<string, unknown>; openFields: { field: string; from: string }[] }[];
  /** Undefined: how many items there will be comes from a step. */
  count: number | undefined;
  /** What the items are is not known. */
  isOfAnyItem: boolean;
}

/** The model of an order, and what is known of it; without one, why there is none. */
export interface SettledModel {
  known?: { model: string; facts: ModelFacts; kind: MediaKind | undefined };
  issues: InputIssue[];
}

/** The check of one plan while it goes on: what is known, and what has been found. */
export interface Checking {
  plan: PipelinePlan;
  values: Values;
  /** Params without a value that fits: what names them cannot be evaluated. */
  unsettled: ReadonlySet<string>;
  checker: ExpressionChecker;
  /** The model of each order, by where the order stands. */
  models: Map<string, SettledModel>;
  /** What the orders of each step make, its own and then its fallbacks, as far as their models tell. */
  kinds: Map<string, (MediaKind | undefined)[]>;
  issues: InputIssue[];
  warnings: string[];
  /** The `if` of each step that has one, as far as it can be understood. */
  conditions: Map<string, CheckedExpression>;
  orders: PlannedOrder[];
}

/** Checks an expression that stands bare or wrapped, and that it gives what is wanted. */
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

/** Checks every expression of a string. */
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

/** Evaluates what has been checked; what goes wrong is a problem of the plan. Params without a value have been told already. */
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
