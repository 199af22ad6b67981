import { isJsonObject, jsonBytes, jsonPath } from '../domain/json.ts';
import { planLimits, type PlanParam } from '../domain/pipeline/pipeline.ts';
import { wellFormed } from '../domain/text.ts';
import { createValueEnvironment } from './expressions/expression-types.ts';
import { evaluationWords } from './expressions/expression-words.ts';
import { parseBareExpression, parseTemplate, soleExpression } from './expressions/template.ts';
import { meter, someWork, type Work } from './metered.ts';

/** The fields of an ended step that expressions can read. Missing values are left out. */
export interface StepValues {
  phase: string;
  [field: string]: unknown;
}

/** Everything that expressions can refer to, as plain JSON. */
export interface Values {
  /** The declared params: a whole number in a param of type `number` is a double in CEL. */
  declared: Readonly<Record<string, PlanParam>>;
  params: Readonly<Record<string, unknown>>;
  steps: Readonly<Record<string, StepValues>>;
  pipeline: { key: string };
  item?: unknown;
  index?: number;
}

/** An expression that gave no value; has its path in the plan and the reason. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly path: string;
  /** The expression that failed, if it got as far as being evaluated. */
  readonly expression: string | undefined;
  constructor(path: string, message: string, more: { expression?: string; cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.path = path;
    this.expression = more.expression;
  }
}

const environment = createValueEnvironment();

/** Evaluates parts of a plan whose expressions share one limit of work and size. */
export interface Evaluation {
  /**
   * Replaces all expressions in a part of a plan by their values, at any depth. Keys are left alone, and values are not
   * searched for further expressions. Throws `ExpressionError`.
   */
  evaluate: (value: unknown, path: string) => unknown;
  /** Whether the limit is used up, so that no further expression is evaluated. */
  isSpent: () => boolean;
}

/** Starts an evaluation. All values together may have `maxBytes`, by default as many as a plan. */
export function openEvaluation(values: Values, maxBytes: number = planLimits.bytes): Evaluation {
  const known = toContext(values);
  const work = someWork();
  let left = maxBytes;
  const fill = (part: unknown, at: string): unknown => {
    if (typeof part === 'string') {
      return fillText(part, at, (expression) => {
        const given = run(expression, known, { path: at, work });
        left -= jsonBytes(given);
        if (left >= 0) return given;
        throw new ExpressionError(at, `the expressions give more than ${String(maxBytes)} bytes together`);
      });
    }
    if (Array.isArray(part)) return part.map((item, index) => fill(item, jsonPath(at, index)));
    if (!isJsonObject(part)) return part;
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, fill(item, jsonPath(at, key))]));
  };
  return { evaluate: fill, isSpent: () => work.left < 0 || left < 0 };
}

/** A part of a plan with all expressions replaced by their values. Throws `ExpressionError`. */
export function evaluateValue(value: unknown, values: Values, path = '$'): unknown {
  return openEvaluation(values).evaluate(value, path);
}

/** The value of an expression that may stand without `${{ }}`, such as `if` and `forEach`. Throws `ExpressionError`. */
export function evaluateBare(text: string, values: Values, path: string): unknown {
  const parsed = parseBareExpression(text);
  const expression = parsed.ok ? soleExpression(parsed.parts) : undefined;
  if (expression === undefined) throw new ExpressionError(path, parsed.ok ? 'expected one expression' : parsed.message);
  return run(expression, toContext(values), { path, work: someWork() });
}

function fillText(text: string, path: string, give: (expression: string) => unknown): unknown {
  const parsed = parseTemplate(text);
  if (!parsed.ok) throw new ExpressionError(path, parsed.message);
  const sole = soleExpression(parsed.parts);
  if (sole !== undefined) return give(sole);
  return parsed.parts
    .map((part) => ('text' in part ? part.text : toText(give(part.expression), part.expression, path)))
    .join('');
}

function toText(value: unknown, expression: string, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value);
  const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object';
  throw new ExpressionError(path, `${expression} gives ${found}, which cannot stand inside of a text`);
}

type Context = Record<string, unknown>;

function run(expression: string, known: Context, { path, work }: { path: string; work: Work }): unknown {
  let value: unknown;
  try {
    const evaluate = environment.parse(expression);
    meter(evaluate.ast, work);
    value = evaluate(known);
  } catch (error) {
    throw new ExpressionError(path, `${expression}: ${evaluationWords(error)}`, { expression, cause: error });
  }
  return fromCel(value, expression, path);
}

function toContext({ declared, params, steps, pipeline, item, index }: Values): Context {
  const typed = Object.entries(params).map(([name, value]) => [
    name,
    declared[name]?.type === 'number' ? value : toCel(value),
  ]);
  return {
    params: Object.fromEntries(typed) as Context,
    steps: Object.fromEntries(Object.entries(steps).map(([id, step]) => [id, toCelStep(step)])),
    pipeline,
    ...(item !== undefined && { item: toCel(item) }),
    ...(index !== undefined && { index: BigInt(index) }),
  };
}

/** Costs stay `double`, even if they are whole. */
function toCelStep({ costUsd, ...step }: StepValues): unknown {
  const { items } = step;
  return {
    ...(toCel({ ...step, items: undefined }) as Context),
    ...(Array.isArray(items) ? { items: items.map((item: StepValues) => toCelStep(item)) } : { items: [] }),
    ...(costUsd !== undefined && { costUsd }),
  };
}

/**
 * Converts whole numbers to CEL's `int`: a JavaScript number would be a `double`, and `seconds * 2` would be a type
 * error.
 */
function toCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toCel);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toCel(item)]));
}

function fromCel(value: unknown, expression: string, path: string): unknown {
  const refuse = (what: string) => new ExpressionError(path, `${expression} gives ${what}, which JSON cannot carry`);
  if (typeof value === 'bigint') {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw refuse('an integer beyond ±(2^53 − 1)');
    return number;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refuse(String(value));
    return value;
  }
  if (typeof value === 'string') {
    // CEL counts UTF-16 units here, so `substring` and `split` can cut a character in two.
    if (value !== wellFormed(value)) throw refuse('text with half a character (a lone surrogate)');
    return value;
  }
  if (value === null || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => fromCel(item, expression, path));
  const entries = value instanceof Map ? [...value] : isJsonObject(value) ? Object.entries(value) : undefined;
  if (entries === undefined) throw refuse('a value');
  return Object.fromEntries(
    entries.map(([key, item]) => {
      if (typeof key !== 'string') throw refuse('an object whose keys are no texts');
      fromCel(key, expression, path);
      return [key, fromCel(item, expression, path)];
    }),
  );
}
