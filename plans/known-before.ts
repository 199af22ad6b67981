import type { CheckedExpression } from './expressions/expression.ts';

/** Whether any of the expressions reads a param without a valid value. */
export function isUnsettled(unsettled: ReadonlySet<string>, expressions: readonly CheckedExpression[]): boolean {
  return expressions.some(({ params }) => params.some((name) => unsettled.has(name)));
}

/** Whether the value of an expression depends only on params: steps and the key are not known before the run. */
export function isOfParams({ references, usesKey }: CheckedExpression): boolean {
  return references.length === 0 && !usesKey;
}
