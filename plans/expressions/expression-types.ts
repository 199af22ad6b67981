import { Environment } from '@marcbachmann/cel-js';
import { type ParamType, type PipelinePlan, planLimits, type PlanStep } from '../../domain/pipeline/pipeline.ts';

/** The CEL type of each param type. Media are URLs. */
const celTypes: Readonly<Record<ParamType, string>> = {
  string: 'string',
  image: 'string',
  video: 'string',
  audio: 'string',
  number: 'double',
  integer: 'int',
  boolean: 'bool',
  list: 'list',
  object: 'map<string, dyn>',
};

const orderStateFields = { phase: 'string', key: 'string', requestId: 'string', model: 'string', costUsd: 'double' };
const listFields = { images: 'list<string>', videos: 'list<string>', audios: 'list<string>', files: 'list<string>' };
const singleFields = { image: 'string', video: 'string', audio: 'string' };
const itemType = 'StepItem';

/** The fields of a step that expressions can read, with their CEL types. */
export function fieldsOfStep(step: PlanStep): Readonly<Record<string, string>> {
  if (step.kind === 'approval') {
    return {
      phase: 'string',
      decision: 'string',
      choice: 'string',
      choices: 'list<string>',
      reason: 'string',
      by: 'string',
    };
  }
  if (step.forEach === undefined) return { ...orderStateFields, ...singleFields, ...listFields };
  return { phase: 'string', costUsd: 'double', items: `list<${itemType}>`, ...listFields };
}

/** Structural limits of every expression. */
const expressionLimits = { maxAstNodes: 500, maxDepth: 50, maxListElements: 200, maxMapEntries: 200 } as const;

/** Which names an expression can use at its place in the plan. */
export interface Scope {
  /** Only params may be used, as nothing else is known before anything is ordered. */
  isParamsOnly?: boolean;
  /** CEL type of `item` within a `forEach`. */
  itemType?: string;
}

/** An environment with the types of a plan, for checking only. */
export function createTypeEnvironment(plan: PipelinePlan, { isParamsOnly, itemType: item }: Scope): Environment {
  const environment = new Environment({ limits: expressionLimits, enableOptionalTypes: true });
  environment.registerFunction('join(list<string>, string): string', joinTexts);
  environment.registerType(itemType, { fields: { ...orderStateFields, ...singleFields, ...listFields } });
  const params = Object.entries(plan.params).map(([name, { type }]) => [name, celTypes[type]] as const);
  environment.registerVariable({ name: 'params', schema: Object.fromEntries(params) });
  if (!isParamsOnly) {
    const steps = Object.entries(plan.steps).map(([id, step]) => [id, { ...fieldsOfStep(step) }] as const);
    environment.registerVariable({ name: 'steps', schema: Object.fromEntries(steps) });
    environment.registerVariable({ name: 'pipeline', schema: { key: 'string' } });
  }
  if (item !== undefined) environment.registerVariable('item', item).registerVariable('index', 'int');
  return environment;
}

/** An environment for evaluating checked expressions, whose values have their types at run time. */
export function createValueEnvironment(): Environment {
  const environment = new Environment({ limits: expressionLimits, enableOptionalTypes: true });
  environment.registerFunction('join(list<string>, string): string', joinTexts);
  for (const name of ['params', 'steps', 'pipeline', 'item', 'index']) environment.registerVariable(name, 'dyn');
  return environment;
}

/** The CEL type of a literal list's items; `dyn` if they differ. */
export function typeOfItems(items: readonly unknown[]): string {
  const types = new Set(items.map(typeOfLiteral));
  const [only] = types;
  return types.size === 1 && only !== undefined ? only : 'dyn';
}

/** The element type of a list type; undefined if the type is not a list. */
export function elementTypeOf(type: string): string | undefined {
  if (type === 'dyn' || type === 'list') return 'dyn';
  return /^list<(.*)>$/.exec(type)?.[1];
}

/** The longest text that an expression can make; an input cannot be longer anyway. */
const maxTextLength = planLimits.bytes;

function joinTexts(texts: unknown, separator: unknown): string {
  const joined = (texts as string[]).join(separator as string);
  if (joined.length > maxTextLength)
    throw new RangeError(`join makes a text above ${String(maxTextLength)} characters`);
  return joined;
}

function typeOfLiteral(value: unknown): string {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'double';
  return 'dyn';
}
