import { isJsonObject, jsonBytes, jsonPath } from '../domain/json.ts';
import { planLimits, type PlanParam } from '../domain/pipeline/pipeline.ts';
import { wellFormed } from '../domain/text.ts';
import { createValueEnvironment } from './expression-types.ts';
import { evaluationWords } from './expression-words.ts';
import { meter, someWork, type Work } from './metered.ts';
import { parseBareExpression, parseTemplate, soleExpression } from './template.ts';

/** What is known of a step that has ended, as expressions see it. What is absent is not there at all. */
export interface StepValues {
  phase: string;
  [field: string]: unknown;
}

/** Everything that expressions may name, as plain JSON. */
export interface Values {
  /** The params as declared: a whole number of type `number` is none of CEL's integers. */
  declared: Readonly<Record<string, PlanParam>>;
  params: Readonly<Record<string, unknown>>;
  steps: Readonly<Record<string, StepValues>>;
  pipeline: { key: string };
  item?: unknown;
  index?: number;
}

/** An expression that gave no value: where it stands and why. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly path: string;
  /** The expression that failed, where one was evaluated. */
  readonly expression: string | undefined;
  constructor(path: string, message: string, more: { expression?: string; cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.path = path;
    this.expression = more.expression;
  }
}

const environment = createValueEnvironment();

/** Evaluates parts of a plan that share what their expressions may take. */
export interface Evaluation {
  /**
   * Puts values in the place of all expressions of a part of a plan, at any depth; keys are never touched, and what was
   * put in is never looked at again. Throws `ExpressionError`.
   */
  evaluate: (value: unknown, path: string) => unknown;
  /** Whether the parts have taken all there was: no further expression is evaluated. */
  isSpent: () => boolean;
}

/** Begins an evaluation: what is put in by all of it has no more bytes than a plan may have, if no others are named. */
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

/** One part of a plan with values in the place of all expressions. Throws `ExpressionError`. */
export function evaluateValue(value: unknown, values: Values, path = '$'): unknown {
  return openEvaluation(values).evaluate(value, path);
}

/** The value of an expression that may stand bare, as that of `if` and `forEach`. Throws `ExpressionError`. */
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

/** Costs are `double`, also where they are whole. */
function toCelStep({ costUsd, ...step }: StepValues): unknown {
  const { items } = step;
  return {
    ...(toCel({ ...step, items: undefined }) as Context),
    ...(Array.isArray(items) ? { items: items.map((item: StepValues) => toCelStep(item)) } : { items: [] }),
    ...(costUsd !== undefined && { costUsd }),
  };
}

/** Whole numbers are CEL's `int`: a JavaScript number would be a `double`, and `seconds * 2` had no meaning. */
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
    // CEL here counts UTF-16 units, so that `substring` and `split` may cut inside a character.
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
