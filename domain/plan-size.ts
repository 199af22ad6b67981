import type { InputIssue } from './generation.ts';
import { findExcess, isJsonObject, jsonBytes } from './json.ts';
import { planLimits } from './pipeline.ts';

/** Why a plan is too large to be looked into; undefined: it is not. */
export function findOversize(plan: object): InputIssue | undefined {
  if (findExcess(plan, { maxNodes: Number.POSITIVE_INFINITY, maxLevels: planLimits.levels }) === 'maxLevels') {
    return { path: '$', message: `nested more than ${String(planLimits.levels)} levels deep` };
  }
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
