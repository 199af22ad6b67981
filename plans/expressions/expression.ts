import { type ASTNode, Environment, type ParseError } from '@marcbachmann/cel-js';
import type { InputIssue } from '../../domain/generation.ts';
import type { PipelinePlan } from '../../domain/pipeline/pipeline.ts';
import { didYouMean } from '../field-reader.ts';
import { createTypeEnvironment, fieldsOfStep, type Scope } from './expression-types.ts';
import { libraryWords } from './expression-words.ts';
import { checkExpressionText } from './template.ts';

/** A step that an expression refers to, and the first field that it reads from it. */
export interface StepReference {
  step: string;
  field?: string;
}

/** An expression whose names and types fit its plan. */
export interface CheckedExpression {
  /** CEL type of its value. */
  type: string;
  references: StepReference[];
  /** Names of the params that it reads. */
  params: string[];
  /** Set if the expression is only a path, such as `steps.still.images` or `params.face`. */
  path?: readonly string[];
  usesItem: boolean;
  /** It reads the pipeline's key. */
  usesKey: boolean;
}

export type ExpressionCheck = { ok: true; expression: CheckedExpression } | { ok: false; issues: InputIssue[] };

/** Checks the expressions of one plan, with cached environments. */
export interface ExpressionChecker {
  check: (expression: string, column: number, path: string, scope: Scope) => ExpressionCheck;
}

/** Every function that expressions can call. `matches` is left out, as a pattern could hang the process. */
const functions = new Set([
  'size',
  'string',
  'int',
  'double',
  'bool',
  'dyn',
  'has',
  'join',
  'type',
  'all',
  'exists',
  'exists_one',
  'map',
  'filter',
  'contains',
  'startsWith',
  'endsWith',
  'indexOf',
  'lastIndexOf',
  'substring',
  'trim',
  'split',
  'lowerAscii',
  'upperAscii',
  'orValue',
  'or',
  'hasValue',
  'value',
]);
const macros = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
const names = new Set(['params', 'steps', 'pipeline', 'item', 'index']);

/** Makes the checker of a plan's expressions. */
export function createExpressionChecker(plan: PipelinePlan): ExpressionChecker {
  const environments = new Map<string, Environment>();
  const environmentOf = (scope: Scope) => {
    const id = `${String(scope.isParamsOnly)} ${scope.itemType ?? ''}`;
    const known = environments.get(id) ?? createTypeEnvironment(plan, scope);
    environments.set(id, known);
    return known;
  };
  return {
    check(expression, column, path, scope) {
      const textIssues = checkExpressionText(expression, path);
      if (textIssues.length > 0) return { ok: false, issues: textIssues };
      const environment = environmentOf(scope);
      const refuse = (message: string): ExpressionCheck => ({ ok: false, issues: [{ path, message }] });
      let ast: ASTNode;
      try {
        ({ ast } = environment.parse(expression));
      } catch (error) {
        return refuse(sentenceOf(error, column));
      }
      const uses = findUses(ast, plan, scope);
      if (uses.problems.length > 0) return { ok: false, issues: uses.problems.map((message) => ({ path, message })) };
      const result = environment.check(expression);
      if (!result.valid) return refuse(sentenceOf(result.error, column));
      const simple = pathOf(ast);
      const { references, params, usesItem, usesKey } = uses;
      return {
        ok: true,
        expression: {
          type: result.type ?? 'dyn',
          references,
          params,
          usesItem,
          usesKey,
          ...(simple && { path: simple }),
        },
      };
    },
  };
}

/** The steps that an expression refers to; none if it cannot be parsed. */
export function referencesOf(expression: string, plan: PipelinePlan): StepReference[] {
  return usesOf(expression, plan)?.references ?? [];
}

/** A field of a step, or of one of its items, that an expression reads. */
export interface AskedField {
  step: string;
  item?: number;
  field: string;
}

/** Every field of steps that an expression reads; none if it cannot be parsed. */
export function fieldsAskedBy(expression: string): AskedField[] {
  const asked: AskedField[] = [];
  const visit = (node: ASTNode): void => {
    const selection = selectionOf(node);
    const of = selection && askedOf(selection.from);
    if (of) asked.push({ ...of, field: selection.name });
    else childrenOf(node).forEach(visit);
  };
  try {
    visit(new Environment({ enableOptionalTypes: true }).parse(expression).ast);
  } catch {
    return [];
  }
  return asked;
}

/** The step, or the item of a step, that a node refers to: `steps.x` or `steps.x.items[0]`. */
function askedOf(node: ASTNode): Omit<AskedField, 'field'> | undefined {
  const whole = stepOf(node);
  if (whole) return whole.field === undefined ? whole : undefined;
  if (node.op !== '[]' && node.op !== '[?]') return undefined;
  const [list, index] = node.args;
  const of = stepOf(list);
  if (of?.field !== 'items' || index.op !== 'value' || typeof index.args !== 'bigint') return undefined;
  return { step: of.step, item: Number(index.args) };
}

/** The params that an expression reads; none if it cannot be parsed. */
export function paramsReadBy(expression: string, plan: PipelinePlan): string[] {
  return usesOf(expression, plan)?.params ?? [];
}

/** The names of an expression that is only a path, such as `steps.clip.video`; undefined for any other. */
export function plainPathOf(expression: string): string[] | undefined {
  try {
    return pathOf(new Environment({ enableOptionalTypes: true }).parse(expression).ast);
  } catch {
    return undefined;
  }
}

function usesOf(expression: string, plan: PipelinePlan): Uses | undefined {
  try {
    const { ast } = new Environment({ enableOptionalTypes: true }).parse(expression);
    return findUses(ast, plan, { itemType: 'dyn' });
  } catch {
    return undefined;
  }
}

interface Uses {
  references: StepReference[];
  params: string[];
  usesItem: boolean;
  usesKey: boolean;
  problems: string[];
}

function findUses(root: ASTNode, plan: PipelinePlan, scope: Scope): Uses {
  const uses: Uses = { references: [], params: [], usesItem: false, usesKey: false, problems: [] };
  const visit = (node: ASTNode, bound: readonly string[]): void => {
    const step = stepOf(node);
    if (step !== undefined) {
      noteStep(step);
      return;
    }
    const param = paramOf(node);
    if (param !== undefined) {
      uses.params.push(param);
      if (!Object.hasOwn(plan.params, param)) {
        uses.problems.push(`no param "${param}"${didYouMean(param, Object.keys(plan.params))}`);
      }
      return;
    }
    if (node.op === 'id') noteName(node.args, bound);
    if (node.op === 'call' || node.op === 'rcall') {
      const [name] = node.args;
      if (!functions.has(name))
        uses.problems.push(`function ${name} is not offered; there are ${[...functions].join(', ')}`);
    }
    if (node.op === 'rcall' && macros.has(node.args[0])) {
      const [, receiver, [variable, ...rest]] = node.args;
      visit(receiver, bound);
      const own = variable?.op === 'id' ? variable.args : undefined;
      // Nested loops over long lists are the only way to make an expression that runs for ever.
      if (bound.length > 0) uses.problems.push(`${node.args[0]} inside of another comprehension is not offered`);
      if (own !== undefined && names.has(own))
        uses.problems.push(`"${own}" has a meaning here: name the variable of ${node.args[0]} otherwise`);
      for (const part of rest) visit(part, own === undefined ? bound : [...bound, own]);
      return;
    }
    for (const child of childrenOf(node)) visit(child, bound);
  };
  const noteStep = ({ step, field }: StepReference) => {
    if (scope.isParamsOnly) {
      uses.problems.push(`only params may be used here, not steps.${step}: it is settled before anything is paid`);
      return;
    }
    const known = plan.steps[step];
    if (!Object.hasOwn(plan.steps, step) || known === undefined) {
      uses.problems.push(`no step "${step}"${didYouMean(step, Object.keys(plan.steps))}`);
      return;
    }
    const fields = fieldsOfStep(known);
    if (field !== undefined && !Object.hasOwn(fields, field)) {
      const list = Object.keys(fields).join(', ');
      uses.problems.push(
        `steps.${step} has no field "${field}"${didYouMean(field, Object.keys(fields))}; it has ${list}`,
      );
      return;
    }
    uses.references.push({ step, ...(field !== undefined && { field }) });
  };
  const noteName = (name: string, bound: readonly string[]) => {
    if (bound.includes(name)) return;
    if (name === 'params') uses.params.push(...Object.keys(plan.params));
    else if (name === 'pipeline') uses.usesKey = true;
    else if (name === 'steps') uses.problems.push('name one step: steps.<id>');
    else if (name === 'item' || name === 'index') {
      uses.usesItem = true;
      if (scope.itemType === undefined) uses.problems.push(`"${name}" is only known inside of a forEach`);
    } else if (!names.has(name)) {
      uses.problems.push(`no variable "${name}"; there are params, steps, item, index and pipeline.key`);
    }
  };
  visit(root, []);
  return uses;
}

/** The step that a node refers to: `steps.x`, `steps.x.field` or `steps["x"]`. */
function stepOf(node: ASTNode): StepReference | undefined {
  const inner = selectionOf(node);
  if (inner === undefined) return undefined;
  if (inner.from.op === 'id' && inner.from.args === 'steps') return { step: inner.name };
  const outer = selectionOf(inner.from);
  const isOfSteps = outer?.from.op === 'id' && outer.from.args === 'steps';
  return isOfSteps ? { step: outer.name, field: inner.name } : undefined;
}

function paramOf(node: ASTNode): string | undefined {
  const selection = selectionOf(node);
  return selection?.from.op === 'id' && selection.from.args === 'params' ? selection.name : undefined;
}

function selectionOf(node: ASTNode): { from: ASTNode; name: string } | undefined {
  if (node.op === '.' || node.op === '.?') return { from: node.args[0], name: node.args[1] };
  if (node.op !== '[]' && node.op !== '[?]') return undefined;
  const [from, key] = node.args;
  return key.op === 'value' && typeof key.args === 'string' ? { from, name: key.args } : undefined;
}

/** The names of a path `a.b.c`; undefined if the node is not a path. */
function pathOf(node: ASTNode): string[] | undefined {
  if (node.op === 'id') return [node.args];
  if (node.op !== '.') return undefined;
  const before = pathOf(node.args[0]);
  return before && [...before, node.args[1]];
}

/** The subexpressions of a node. */
export function childrenOf(node: ASTNode): ASTNode[] {
  if (node.op === 'value' || node.op === 'id') return [];
  if (node.op === '.' || node.op === '.?') return [node.args[0]];
  if (node.op === 'call') return node.args[1];
  if (node.op === 'rcall') return [node.args[1], ...node.args[2]];
  if (node.op === 'map') return node.args.flat();
  return Array.isArray(node.args) ? node.args : [node.args];
}

/** The library's message in one line, with columns counted in the plan's string. */
function sentenceOf(error: unknown, column: number): string {
  const { range } = error as Partial<ParseError>;
  const words = libraryWords(error);
  return range === undefined ? words : `column ${String(column + range.start)}: ${words}`;
}
