import type { CheckedExpression } from './expression.ts';

/** Whether expressions read a param that has no value. */
export function isUnsettled(unsettled: ReadonlySet<string>, expressions: readonly CheckedExpression[]): boolean {
  return expressions.some(({ params }) => params.some((name) => unsettled.has(name)));
}

/** Whether its value depends on nothing but params: no step, and no key, is known before anything runs. */
export function isOfParams({ references, usesKey }: CheckedExpression): boolean {
  return references.length === 0 && !usesKey;
}
