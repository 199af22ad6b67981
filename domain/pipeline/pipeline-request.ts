import { fieldsOf } from '../fields-of.ts';
import { type InputIssue, unknownSubmissionPolicies, wallPolicies } from '../generation.ts';
import { createIssueList } from '../issues.ts';
import { isJsonObject } from '../json.ts';
import {
  checkStretch,
  checkType,
  checkUsd,
  checkWord,
  describe,
  isIntegerBetween,
  isMissing,
  type Refuse,
  refuseUnknown,
  withoutMissingIn,
} from '../request-checks.ts';
import { checkBudgets, checkWaiting } from '../request.ts';
import { defaultPipelineDeadlineMs, type PipelineRequest } from './pipeline-run.ts';
import { planLimits } from './pipeline.ts';

/** The fields of a `PipelineRequest`. */
export const pipelineRequestFields = fieldsOf<PipelineRequest>()(
  'plan',
  'params',
  'lineage',
  'orderAgain',
  'deadlineMs',
  'maxCostUsd',
  'budgets',
  'maxParallel',
  'onUnknownSubmission',
  'onWall',
  'waiting',
);

/** A valid request, or the problems with it. */
export type ParsedPipelineRequest = { ok: true; request: PipelineRequest } | { ok: false; issues: InputIssue[] };

/**
 * Checks the argument of `runcomfyPipeline` without a schema library, since any service may have sent it. The plan's
 * contents are not checked here.
 */
export function parsePipelineRequest(argument: unknown): ParsedPipelineRequest {
  if (!isJsonObject(argument)) {
    const found = argument === undefined ? 'no argument' : describe(argument);
    return {
      ok: false,
      issues: [{ path: 'request', message: `expected an object { plan, params?, … }, got ${found}` }],
    };
  }
  const problems = createIssueList();
  const refuse: Refuse = (field, message) => {
    problems.add(`request.${field}`, message);
  };
  refuseUnknown(refuse, '', argument, ['a request', pipelineRequestFields]);
  const { plan, params, lineage, orderAgain, deadlineMs, maxCostUsd, budgets, maxParallel, waiting } = argument;
  if (!isJsonObject(plan)) problems.add('$', `expected a plan { version, steps, … }, got ${describe(plan)}`);
  if (!isMissing(params) && !isJsonObject(params)) {
    problems.add('$.params', `expected an object { name: value }, got ${describe(params)}`);
  }
  if (!isMissing(lineage) && !isLineage(lineage)) {
    refuse('lineage', `expected text of 1 to 500 characters, got ${describe(lineage)}`);
  }
  checkType('orderAgain', orderAgain, 'boolean', refuse);
  checkStretch('deadlineMs', deadlineMs, refuse);
  checkUsd('maxCostUsd', maxCostUsd, refuse);
  checkBudgets(budgets, refuse);
  if (!isMissing(maxParallel) && !isIntegerBetween(maxParallel, 1, planLimits.maxParallel)) {
    refuse(
      'maxParallel',
      `expected a whole number from 1 to ${String(planLimits.maxParallel)}, got ${describe(maxParallel)}`,
    );
  }
  checkWord('onUnknownSubmission', argument['onUnknownSubmission'], unknownSubmissionPolicies, refuse);
  checkWord('onWall', argument['onWall'], wallPolicies, refuse);
  if (!isMissing(waiting)) checkWaiting(waiting, refuse);
  const issues = problems.toIssues();
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, request: withoutMissingIn(argument, ['waiting']) as unknown as PipelineRequest };
}

/** Milliseconds from the start until a pipeline gives up. */
export function pipelineDeadlineMsOf({ deadlineMs }: PipelineRequest): number {
  return deadlineMs ?? defaultPipelineDeadlineMs;
}

function isLineage(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 500 && !value.includes('\0');
}
