import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, jsonPath } from '../domain/json.ts';
import type { PipelinePlan, PlanOrder } from '../domain/pipeline/pipeline.ts';
import { fieldsAskedBy, paramsReadBy, referencesOf } from './expressions/expression.ts';
import { parseBareExpression, parseTemplate } from './expressions/template.ts';

/** A string of a plan that may have expressions. */
export interface PlanText {
  path: string;
  text: string;
  /** The whole string is one expression, with or without `${{ }}`. */
  isBare: boolean;
}

/** The orders of a model step: its own, then its fallbacks. */
export function ordersOf(plan: PipelinePlan, id: string): { order: PlanOrder; path: string }[] {
  const step = plan.steps[id];
  if (step?.kind !== 'model') return [];
  const path = jsonPath('$.steps', id);
  return [
    { order: step.order, path },
    ...step.fallback.map((order, index) => ({ order, path: jsonPath(`${path}.onFailure.fallback`, index) })),
  ];
}

/** The steps that a step waits for: those in `needs`, and those that its expressions refer to. */
export function sourcesOf(plan: PipelinePlan, id: string): string[] {
  const step = plan.steps[id];
  if (step === undefined) return [];
  return [...new Set([...step.needs, ...readBy(plan, id)])];
}

/** The steps that a step's expressions refer to. */
export function readBy(plan: PipelinePlan, id: string): string[] {
  return textsOfStep(plan, id)
    .flatMap(expressionsOf)
    .flatMap((expression) => referencesOf(expression, plan).map(({ step }) => step));
}

/** Whether a step uses files that another step has made. */
export function usesFiles(plan: PipelinePlan, id: string): boolean {
  const fields = textsOfStep(plan, id).flatMap(expressionsOf).flatMap(fieldsAskedBy);
  return fields.some(({ field }) => /^(?:(?:image|video|audio|choice)s?|files)$/.test(field));
}

/** The params that a step's expressions read. */
export function paramsOf(plan: PipelinePlan, id: string): string[] {
  const step = plan.steps[id];
  const models = step?.kind === 'model' ? ordersOf(plan, id).flatMap(({ order }) => textsIn(order.model, '')) : [];
  const texts = [...textsOfStep(plan, id), ...models];
  return [...new Set(texts.flatMap(expressionsOf).flatMap((expression) => paramsReadBy(expression, plan)))];
}

/** Every string of a step that may have expressions. */
function textsOfStep(plan: PipelinePlan, id: string): PlanText[] {
  const step = plan.steps[id];
  if (step === undefined) return [];
  const path = jsonPath('$.steps', id);
  const bare = (field: string, text: unknown): PlanText[] =>
    typeof text === 'string' ? [{ path: `${path}.${field}`, text, isBare: true }] : [];
  const condition = bare('if', step.if);
  if (step.kind === 'approval') return [...condition, ...textsIn(step.choose, `${path}.approval.choose`)];
  return [
    ...condition,
    ...(typeof step.forEach === 'string' ? bare('forEach', step.forEach) : textsIn(step.forEach, `${path}.forEach`)),
    ...ordersOf(plan, id).flatMap(({ order, path: at }) => textsIn(order.input, `${at}.input`)),
  ];
}

/** The strings in a JSON value, with their paths. */
export function textsIn(value: unknown, path: string): PlanText[] {
  if (typeof value === 'string') return [{ path, text: value, isBare: false }];
  if (Array.isArray(value)) return value.flatMap((item, index) => textsIn(item, jsonPath(path, index)));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsIn(item, jsonPath(path, key)));
}

/** The expressions in a string; none if it cannot be parsed, which is reported elsewhere. */
function expressionsOf({ text, isBare }: PlanText): string[] {
  const parsed = isBare ? parseBareExpression(text) : parseTemplate(text);
  return parsed.ok ? parsed.parts.flatMap((part) => ('expression' in part ? [part.expression] : [])) : [];
}

/** Sorts the steps so that each comes after its sources, or reports the cycles that prevent it. */
export function sortSteps(plan: PipelinePlan): { sorted: string[]; issues: InputIssue[] } {
  const sorted: string[] = [];
  const issues: InputIssue[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const sources = new Map(Object.keys(plan.steps).map((id) => [id, sourcesOf(plan, id)]));
  const visit = (id: string): void => {
    if (state.get(id) === 'done') return;
    if (state.get(id) === 'open') {
      const circle = [...trail.slice(trail.indexOf(id)), id];
      issues.push({ path: '$.steps', message: `steps wait for each other: ${circle.join(' → ')}` });
      return;
    }
    state.set(id, 'open');
    trail.push(id);
    for (const source of sources.get(id) ?? []) if (sources.has(source)) visit(source);
    trail.pop();
    state.set(id, 'done');
    sorted.push(id);
  };
  for (const id of Object.keys(plan.steps)) visit(id);
  return { sorted, issues };
}
