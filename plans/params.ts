import type { InputIssue } from '../domain/generation.ts';
import { isJsonObject, jsonPath } from '../domain/json.ts';
import type { ParamType, PipelinePlan } from '../domain/pipeline/pipeline.ts';
import { findOversizeOfParams } from '../domain/pipeline/plan-size.ts';
import { findUnsendable } from '../domain/request.ts';
import { describeValue, didYouMean } from './field-reader.ts';

const expected: Readonly<Record<ParamType, string>> = {
  string: 'text',
  image: 'the URL of an image',
  video: 'the URL of a video',
  audio: 'the URL of an audio file',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  list: 'a list',
  object: 'an object',
};

/** The params of a run, including the plan's defaults, and every problem: missing, of the wrong type, or unknown. */
export function settleParams(
  plan: PipelinePlan,
  given: Readonly<Record<string, unknown>>,
): { params: Record<string, unknown>; issues: InputIssue[] } {
  const issues: InputIssue[] = [];
  const params: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(plan.params, name)) continue;
    const names = Object.keys(plan.params);
    const message = `the plan has no such param${didYouMean(name, names)}`;
    issues.push({ path: jsonPath('$.params', name), message });
  }
  for (const [name, { type, default: fallback }] of Object.entries(plan.params)) {
    const path = jsonPath('$.params', name);
    const value = (Object.hasOwn(given, name) ? given[name] : undefined) ?? fallback;
    if (value === undefined) issues.push({ path, message: `is required: expected ${expected[type]}` });
    else if (!fits(type, value))
      issues.push({ path, message: `expected ${expected[type]}, got ${describeValue(value)}` });
    else params[name] = value;
  }
  const oversize = findOversizeOfParams(given);
  if (oversize) issues.push(oversize);
  else issues.push(...findUnsendable(given).map((issue) => ({ ...issue, path: issue.path.replace('$', '$.params') })));
  return { params, issues };
}

function fits(type: ParamType, value: unknown): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'image':
    case 'video':
    case 'audio':
      return typeof value === 'string' && /^https?:\/\/\S+$/i.test(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value);
    case 'object':
      return isJsonObject(value);
  }
}
