import {
  type InputIssue,
  unknownSubmissionPolicies,
  waitingFields,
  waitingPresets,
  wallPolicies,
} from '../domain/generation.ts';
import { isJsonObject, jsonPath } from '../domain/json.ts';
import {
  failureRules,
  paramTypes,
  type PipelinePlan,
  type PlanApprovalStep,
  planLimits,
  type PlanModelStep,
  type PlanOrder,
  type PlanParam,
  type PlanStep,
  runRules,
} from '../domain/pipeline/pipeline.ts';
import { findOversize } from '../domain/pipeline/plan-size.ts';
import { maxSecondsOfDelay } from '../domain/request-checks.ts';
import { findUnsendable } from '../domain/request.ts';
import { describeValue, type FieldReader, readFields } from './field-reader.ts';
import {
  approvalFields,
  commonFields,
  deadlineDecisions,
  failureRuleFields,
  idPattern,
  idRule,
  maxTake,
  modelStepFields,
  orderFields,
  paramFields,
  planFields,
} from './plan-fields.ts';

const stepFields: readonly string[] = [...modelStepFields, 'approval'];

const defaultApprovalMs = 7 * 24 * 60 * 60 * 1000;

export type ParsedPlan = { ok: true; plan: PipelinePlan } | { ok: false; issues: InputIssue[] };

/** Checks the shape of a plan from any source: fields, ids, words, numbers and limits. Expressions are not checked. */
export function parsePlan(value: unknown): ParsedPlan {
  const issues: InputIssue[] = [];
  if (!isJsonObject(value)) {
    return {
      ok: false,
      issues: [{ path: '$', message: `expected a plan { version, steps, … }, got ${describeValue(value)}` }],
    };
  }
  const tooBig = findOversize(value);
  if (tooBig) return { ok: false, issues: [tooBig] };
  const top = readFields(value, '$', planFields, issues);
  if (top.raw('version') !== 1) top.refuse('version', `expected 1, got ${describeValue(top.raw('version'))}`);
  const params = readParams(top, issues);
  const steps = readSteps(top, issues);
  const outputs = top.object('outputs');
  for (const name of Object.keys(outputs ?? {})) {
    if (!idPattern.test(name))
      issues.push({ path: jsonPath('$.outputs', name), message: `expected a name of ${idRule}` });
  }
  issues.push(...findUnsendable(value));
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, plan: { params, steps, ...(outputs && { outputs }) } };
}

function readParams(top: FieldReader, issues: InputIssue[]): Record<string, PlanParam> {
  const params: Record<string, PlanParam> = {};
  for (const [name, value] of Object.entries(top.object('params') ?? {})) {
    const path = jsonPath('$.params', name);
    if (!idPattern.test(name)) issues.push({ path, message: `expected a name of ${idRule}` });
    if (!isJsonObject(value)) {
      issues.push({ path, message: `expected { type, default? }, got ${describeValue(value)}` });
      continue;
    }
    const fields = readFields(value, path, paramFields, issues);
    const type = fields.word('type', paramTypes);
    if (fields.raw('type') === undefined) fields.refuse('type', `is required: one of ${paramTypes.join(', ')}`);
    const description = fields.text('description');
    if (type === undefined) continue;
    const fallback = fields.raw('default');
    params[name] = {
      type,
      ...(fallback !== undefined && { default: fallback }),
      ...(description !== undefined && { description }),
    };
  }
  return params;
}

function readSteps(top: FieldReader, issues: InputIssue[]): Record<string, PlanStep> {
  const found = top.object('steps');
  const entries = Object.entries(found ?? {});
  if (entries.length === 0 && (found !== undefined || top.raw('steps') === undefined)) {
    top.refuse('steps', 'expected at least one step');
  }
  if (entries.length > planLimits.steps) {
    top.refuse('steps', `${String(entries.length)} steps, and a plan may have ${String(planLimits.steps)}`);
    return {};
  }
  const steps: Record<string, PlanStep> = {};
  for (const [id, value] of entries) {
    const path = jsonPath('$.steps', id);
    if (!idPattern.test(id)) issues.push({ path, message: `expected a step id of ${idRule}` });
    if (!isJsonObject(value)) {
      issues.push({ path, message: `expected a step { model, input } or { approval }, got ${describeValue(value)}` });
      continue;
    }
    const hasModel = (value['model'] ?? undefined) !== undefined;
    const hasApproval = (value['approval'] ?? undefined) !== undefined;
    if (hasModel && hasApproval) issues.push({ path, message: 'a step has a model or an approval, not both' });
    const isNeither = !hasModel && !hasApproval;
    const isMisspelt = isNeither && Object.keys(value).some((field) => !stepFields.includes(field));
    if (isNeither && !isMisspelt) issues.push({ path, message: 'expected a model, or an approval' });
    const step = hasApproval && !hasModel ? readApproval(value, path, issues) : readModelStep(value, path, issues);
    if (step && (hasModel || hasApproval)) steps[id] = step;
  }
  return steps;
}

function readModelStep(value: Record<string, unknown>, path: string, issues: InputIssue[]): PlanModelStep | undefined {
  const fields = readFields(value, path, stepFields, issues);
  const { onFailure, fallback } = readFailureRule(fields, issues);
  const forEach = readForEach(fields);
  const order = readOrder(fields);
  const rest = {
    ...readCommon(fields),
    onFailure,
    maxParallel: fields.integer('maxParallel', { min: 1, max: planLimits.maxParallel }) ?? planLimits.maxParallel,
    attempts: fields.integer('attempts', { min: 1, max: planLimits.attempts }) ?? 1,
    mayPayTwice: fields.flag('mayPayTwice') ?? false,
  };
  if (order === undefined) return undefined;
  return { kind: 'model', order, fallback, ...rest, ...(forEach !== undefined && { forEach }) };
}

function readOrder(fields: FieldReader): PlanOrder | undefined {
  const model = fields.text('model');
  const input = fields.object('input');
  const options = {
    take: fields.integer('take', { min: 1, max: maxTake }),
    deadlineMs: fields.duration('deadline'),
    queueDeadlineMs: fields.duration('queueDeadline'),
    onUnknownSubmission: fields.word('onUnknownSubmission', unknownSubmissionPolicies),
    onWall: fields.word('onWall', wallPolicies),
    maxPriceUsd: fields.usd('maxPriceUsd'),
    waiting: readWaiting(fields),
  };
  if (model === undefined) return undefined;
  const given = Object.fromEntries(Object.entries(options).filter(([, option]) => option !== undefined));
  return { model, input: input ?? {}, ...given };
}

function readWaiting(fields: FieldReader): PlanOrder['waiting'] {
  const waiting = fields.below('waiting', waitingFields);
  if (waiting === undefined) return undefined;
  const preset = waiting.word('preset', waitingPresets);
  const seconds = waiting.raw('secondsOfDelayPerRead');
  const isCost = seconds === undefined || (typeof seconds === 'number' && seconds > 0 && seconds <= maxSecondsOfDelay);
  if (!isCost) {
    waiting.refuse(
      'secondsOfDelayPerRead',
      `expected seconds above 0 and at most ${String(maxSecondsOfDelay)}, got ${describeValue(seconds)}`,
    );
  }
  return { ...(preset && { preset }), ...(typeof seconds === 'number' && { secondsOfDelayPerRead: seconds }) };
}

function readCommon(fields: FieldReader): Pick<PlanStep, 'needs' | 'if' | 'runsWhen'> {
  const needs = fields.raw('needs') ?? [];
  const isList = Array.isArray(needs) && needs.every((id) => typeof id === 'string');
  if (!isList) fields.refuse('needs', `expected a list of step ids, got ${describeValue(needs)}`);
  const condition = fields.raw('if');
  if (condition !== undefined && typeof condition !== 'string' && typeof condition !== 'boolean') {
    fields.refuse('if', `expected an expression, got ${describeValue(condition)}`);
  }
  return {
    needs: isList ? [...new Set(needs)] : [],
    ...((typeof condition === 'string' || typeof condition === 'boolean') && { if: String(condition) }),
    runsWhen: fields.word('runsWhen', runRules) ?? 'succeeded',
  };
}

function readForEach(fields: FieldReader): unknown[] | string | undefined {
  const value = fields.raw('forEach');
  if (value === undefined || typeof value === 'string') return value;
  if (!Array.isArray(value)) {
    fields.refuse('forEach', `expected a list, or an expression that gives one, got ${describeValue(value)}`);
    return undefined;
  }
  if (value.length <= planLimits.forEachItems) return value as unknown[];
  const limit = String(planLimits.forEachItems);
  fields.refuse(
    'forEach',
    `${String(value.length)} items, and a step may have ${limit}; more make a batch of pipelines`,
  );
  return undefined;
}

function readFailureRule(fields: FieldReader, issues: InputIssue[]): Pick<PlanModelStep, 'onFailure' | 'fallback'> {
  const value = fields.raw('onFailure');
  if (!isJsonObject(value)) return { onFailure: readRuleWord(fields), fallback: [] };
  const rule = readFields(value, jsonPath(fields.path, 'onFailure'), failureRuleFields, issues);
  const list = rule.raw('fallback');
  const isList = Array.isArray(list) && list.length > 0 && list.length <= planLimits.fallbacks;
  if (!isList) {
    const expected = `a list of 1 to ${String(planLimits.fallbacks)} orders { model, input }`;
    rule.refuse('fallback', `expected ${expected}, got ${describeValue(list)}`);
  }
  const fallback = (isList ? (list as unknown[]) : []).flatMap((item, index) => {
    const path = jsonPath(jsonPath(rule.path, 'fallback'), index);
    if (!isJsonObject(item)) {
      issues.push({ path, message: `expected an order { model, input }, got ${describeValue(item)}` });
      return [];
    }
    const below = readFields(item, path, orderFields, issues);
    if (below.raw('model') === undefined) below.refuse('model', 'is required: a RunComfy model id');
    return readOrder(below) ?? [];
  });
  return { onFailure: rule.word('then', failureRules) ?? 'fail', fallback };
}

function readRuleWord(fields: FieldReader): PlanStep['onFailure'] {
  const value = fields.raw('onFailure');
  const word = failureRules.find((rule) => rule === value);
  if (value !== undefined && word === undefined) {
    fields.refuse('onFailure', `expected "fail", "continue" or { fallback, then? }, got ${describeValue(value)}`);
  }
  return word ?? 'fail';
}

function readApproval(
  value: Record<string, unknown>,
  path: string,
  issues: InputIssue[],
): PlanApprovalStep | undefined {
  const fields = readFields(value, path, [...commonFields, 'approval'], issues);
  const onFailure = readRuleWord(fields);
  const common = readCommon(fields);
  const approval = fields.below('approval', approvalFields);
  if (approval === undefined) return undefined;
  const message = approval.text('message');
  const choose = approval.raw('choose');
  const isChoosable = choose === undefined || typeof choose === 'string' || Array.isArray(choose);
  if (!isChoosable) {
    approval.refuse(
      'choose',
      `expected a list of texts, or an expression that gives one, got ${describeValue(choose)}`,
    );
  }
  if (Array.isArray(choose) && choose.length > planLimits.approvalChoices) {
    const limit = String(planLimits.approvalChoices);
    approval.refuse('choose', `${String(choose.length)} choices, and a plan may list ${limit}`);
  }
  const count = approval.integer('count', { min: 1, max: planLimits.approvalChoices }) ?? 1;
  if (Array.isArray(choose) && count > choose.length) {
    approval.refuse('count', `${String(count)} are to be chosen out of ${String(choose.length)}`);
  }
  if (choose === undefined && approval.raw('count') !== undefined) {
    approval.refuse('count', 'there is nothing to choose from: give choose');
  }
  return {
    kind: 'approval',
    ...common,
    onFailure,
    count,
    deadlineMs: approval.duration('deadline') ?? defaultApprovalMs,
    onDeadline: approval.word('onDeadline', deadlineDecisions) ?? 'reject',
    ...(message !== undefined && { message }),
    ...(choose !== undefined && { choose }),
  };
}
