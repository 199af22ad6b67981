import type { InputIssue } from '../generation.ts';
import { findExcess, isJsonObject, jsonBytes } from '../json.ts';
import { planLimits } from './pipeline.ts';

/** Says why a plan is too large to be checked; undefined if it is not. */
export function findOversize(plan: object): InputIssue | undefined {
  return oversizeOf(plan, { name: 'plan', path: '$', maxBytes: planLimits.bytes });
}

/** Says why params are too large; undefined if they are not. */
export function findOversizeOfParams(params: unknown): InputIssue | undefined {
  if (!isJsonObject(params)) return undefined;
  return oversizeOf(params, { name: 'params', path: '$.params', maxBytes: planLimits.paramBytes });
}

/**
 * Counts values and levels before measuring the JSON text, since serializing a too deeply nested value would overflow
 * the stack.
 */
function oversizeOf(
  value: object,
  { name, path, maxBytes }: { name: 'plan' | 'params'; path: string; maxBytes: number },
): InputIssue | undefined {
  const excess = findExcess(value, { maxNodes: planLimits.values, maxLevels: planLimits.levels });
  if (excess === 'maxLevels') return { path, message: `nested more than ${String(planLimits.levels)} levels deep` };
  if (excess === 'maxNodes') return { path, message: `has more than ${String(planLimits.values)} values` };
  const bytes = jsonBytes(value);
  if (bytes <= maxBytes) return undefined;
  const have = name === 'plan' ? 'has' : 'have';
  return { path, message: `the ${name} ${have} ${String(bytes)} bytes and may have ${String(maxBytes)}` };
}
