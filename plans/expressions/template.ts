import type { InputIssue } from '../../domain/generation.ts';
import { planLimits } from '../../domain/pipeline/pipeline.ts';

/** A part of a string of a plan: literal text, or an expression to be replaced by its value. */
export type TemplatePart = { text: string } | { expression: string; column: number };

export type ParsedTemplate = { ok: true; parts: TemplatePart[] } | { ok: false; message: string };

const opening = '${{';
const escaped = `$${opening}`;

/** Splits a string of a plan: `${{ … }}` is an expression, `$${{` stands for a literal `${{`. Columns count from 1. */
export function parseTemplate(text: string): ParsedTemplate {
  const parts: TemplatePart[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith(escaped, at)) {
      plain += opening;
      at += escaped.length;
    } else if (text.startsWith(opening, at)) {
      const end = endOfExpression(text, at + opening.length);
      if (end === undefined) return { ok: false, message: `column ${String(at + 1)}: \${{ is not closed by }}` };
      const inner = text.slice(at + opening.length, end);
      const column = at + opening.length + (inner.length - inner.trimStart().length) + 1;
      if (plain !== '') parts.push({ text: plain });
      plain = '';
      parts.push({ expression: inner.trim(), column });
      at = end + 2;
    } else {
      plain += text[at] ?? '';
      at += 1;
    }
  }
  if (plain !== '' || parts.length === 0) parts.push({ text: plain });
  return { ok: true, parts };
}

/** Parses an expression that may stand with or without `${{ … }}`, such as `if` and `forEach`. */
export function parseBareExpression(text: string): ParsedTemplate {
  if (!text.includes(opening)) return { ok: true, parts: [{ expression: text.trim(), column: 1 }] };
  const parsed = parseTemplate(text.trim());
  if (!parsed.ok || soleExpression(parsed.parts) !== undefined) return parsed;
  return { ok: false, message: 'expected one expression, with no text around ${{ … }}' };
}

/**
 * The expression of a string that is nothing else, so that its value keeps its type; undefined for any other string.
 */
export function soleExpression(parts: readonly TemplatePart[]): string | undefined {
  const [only, ...others] = parts;
  return only && 'expression' in only && others.length === 0 ? only.expression : undefined;
}

/** Refuses an expression that is empty or too long. */
export function checkExpressionText(expression: string, path: string): InputIssue[] {
  if (expression === '') return [{ path, message: 'the expression is empty' }];
  if (expression.length <= planLimits.expressionLength) return [];
  const message = `the expression has ${String(expression.length)} characters and may have ${String(planLimits.expressionLength)}`;
  return [{ path, message }];
}

/** The index of the `}}` that ends an expression; one within a CEL string or within nested braces does not. */
function endOfExpression(text: string, from: number): number | undefined {
  let quote: string | undefined;
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (quote !== undefined) {
      if (char === '\\') at += 1;
      else if (char === quote) quote = undefined;
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth += 1;
    else if (char === '}' && depth > 0) depth -= 1;
    else if (char === '}' && text[at + 1] === '}') return at;
  }
  return undefined;
}
