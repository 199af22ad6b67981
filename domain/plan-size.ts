import type { InputIssue } from './generation.ts';
import { findExcess, isJsonObject, jsonBytes } from './json.ts';
import { planLimits } from './pipeline.ts';

/** Each takes a byte, and another from the next. */
const mostValues = planLimits.bytes / 2;

/** Why a plan is too large to be looked into; undefined: it is not. */
export function findOversize(plan: object): InputIssue | undefined {
  const excess = findExcess(plan, { maxNodes: mostValues, maxLevels: planLimits.levels });
  if (excess === 'maxLevels') {
    return { path: '$', message: `nested more than ${String(planLimits.levels)} levels deep` };
  }
  if (excess === 'maxNodes')
    return { path: '$', message: `has more values than ${String(planLimits.bytes)} bytes hold` };
  const bytes = jsonBytes(plan);
  if (bytes <= planLimits.bytes) return undefined;
  return { path: '$', message: `the plan has ${String(bytes)} bytes and may have ${String(planLimits.bytes)}` };
}

/** Why params are too large; undefined: they are not. */
export function findOversizeOfParams(params: unknown): InputIssue | undefined {
  const bytes = isJsonObject(params) ? jsonBytes(params) : 0;
  if (bytes <= planLimits.paramBytes) return undefined;
  const message = `the params have ${String(bytes)} bytes and may have ${String(planLimits.paramBytes)}`;
  return { path: '$.params', message };
}
