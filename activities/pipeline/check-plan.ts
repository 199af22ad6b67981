import { setTimeout as sleep } from 'node:timers/promises';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import type {
  FirstQuestion,
  OutputPaths,
  PipelineActivities,
  StepAnswer,
  StepSources,
} from '../../domain/pipeline/pipeline-activities.ts';
import type { PipelinePlan } from '../../domain/pipeline/pipeline.ts';
import { questionOf } from '../../domain/pipeline/step-question.ts';
import { isOfOne } from '../../domain/pipeline/step-rules.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { decideStep } from '../../plans/deciding/decide-step.ts';
import { weighAnew } from '../../plans/deciding/weigh-anew.ts';
import { plainPathOf } from '../../plans/expressions/expression.ts';
import { parseTemplate, soleExpression } from '../../plans/expressions/template.ts';
import { paramsOf, sourcesOf } from '../../plans/graph.ts';
import { withMemory } from '../../plans/model-facts.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/**
 * Limit on all answers prepared along with the check, in bytes of JSON: they are kept in the history, where a payload
 * is at most 2 MiB.
 */
const maxPreparedBytes = 256 * 1024;
/**
 * Longest time to prepare first steps along with the check, in milliseconds; the others get activities of their own.
 */
const firstMs = 3_000;
const maxFirstSteps = 8;
/**
 * Longest time to weigh a run again, in milliseconds: then it is begun unweighed, as each order is held to the limit as
 * well.
 */
const weighMs = 10_000;

/** Checks a plan and its params before anything is paid, no matter who started the pipeline. */
export function createCheckPlan(deps: PipelineDeps): PipelineActivities['checkPlan'] {
  return async ({ plan: asGiven, params = {}, maxCostUsd, needsPrices, onWall, lineage, first, showsPhase }) => {
    const lookup = withMemory(deps.lookup);
    const limits = withoutUndefined({ maxCostUsd, needsPrices, onWall, lineage, mayBeReused: first?.orderAgain });
    const report = await checkPlan(asGiven, { ...lookup, params, ...limits });
    // Nothing is wrong with the plan; the catalogue may know the prices when it is asked again.
    if (report.isOnlyAway) throw new Error(issuesSentence(report.issues));
    const refused = (issues: InputIssue[]) => ({
      issues,
      ...(showsPhase && { searchAttributes: deps.searchAttributes() }),
    });
    if (report.checked === undefined) return refused(report.issues);
    if (first?.orderAgain) {
      const { key, startedAt, orderAgain } = first;
      const run = { key, startedAt, request: withoutUndefined({ lineage, orderAgain }) };
      const weighing = weighAnew({ ...deps, lookup }, report.checked, run, maxCostUsd);
      const excess = await Promise.race([weighing, sleep(weighMs, [], { ref: false })]);
      if (excess.length > 0) return refused(excess);
    }
    const { plan, params: settled, sortedSteps } = report.checked;
    const outputPaths = pathsOf(plan.outputs);
    const steps = sortedSteps.map((id) => ({ id, steps: sourcesOf(plan, id), params: paramsOf(plan, id) }));
    const prepared =
      first && (await prepareFirst({ ...deps, lookup }, { plan, params: settled, steps, first, lineage }));
    return {
      plan,
      params: settled,
      steps,
      ...(outputPaths && { outputPaths }),
      warnings: report.warnings,
      searchAttributes: deps.searchAttributes(),
      ...(showsPhase && { showsPhase }),
      isSparing: true,
      // Only if asked: a workflow of an older version does not ask, and would continue in its own way.
      ...(prepared && { isSteady: true, prepared }),
    };
  };
}

interface FirstSteps {
  plan: PipelinePlan;
  params: Record<string, unknown>;
  steps: StepSources[];
  first: FirstQuestion;
  lineage: string | undefined;
}

/**
 * Prepares the first steps. Those that are not ready in time or do not fit into the answer are prepared later, each by
 * an activity of its own.
 */
async function prepareFirst(
  deps: PipelineDeps,
  { plan, params, steps, first, lineage }: FirstSteps,
): Promise<Record<string, StepAnswer>> {
  const { key, startedAt, orderAgain, needsPrices, onWall } = first;
  const request = withoutUndefined({ lineage, orderAgain });
  const terms = withoutUndefined({ needsPrices, onWall });
  const stateOf = (id: string): never => {
    throw new Error(`step ${id} has not begun`);
  };
  const questions = steps.flatMap((sources) => {
    const step = plan.steps[sources.id];
    if (step === undefined || sources.steps.length > 0 || !isOfOne(step)) return [];
    return { ...questionOf({ step, sources, plan, params, key, request, startedAt, stateOf }), ...terms };
  });
  const answers = new Map<string, StepAnswer>();
  const deciding = questions.slice(0, maxFirstSteps).map(async (question) => {
    const answer = await decideStep(deps, question).catch(() => undefined);
    if (answer !== undefined && !isFurther(answer)) answers.set(question.id, answer);
  });
  await Promise.race([Promise.all(deciding), sleep(firstMs, undefined, { ref: false })]);
  const prepared: Record<string, StepAnswer> = {};
  let bytes = 0;
  for (const [id, answer] of answers) {
    bytes += jsonBytes(answer);
    if (bytes <= maxPreparedBytes) prepared[id] = answer;
  }
  return prepared;
}

/**
 * Whether an answer has a further order of its key. Such an order depends on how the previous one ended, which a reset
 * would not check again.
 */
function isFurther(answer: StepAnswer): boolean {
  return answer.kind === 'orders' && answer.orders.some((order) => order.kind === 'order' && order.retryOfRunId);
}

/** The outputs as plain paths; undefined if an output is anything else. */
function pathsOf(outputs: Record<string, unknown> | undefined): OutputPaths | undefined {
  if (outputs === undefined) return undefined;
  const paths: OutputPaths = {};
  for (const [name, value] of Object.entries(outputs)) {
    const parsed = typeof value === 'string' ? parseTemplate(value) : undefined;
    const sole = parsed?.ok ? soleExpression(parsed.parts) : undefined;
    const path = sole === undefined ? undefined : plainPathOf(sole);
    if (path === undefined) return undefined;
    paths[name] = path;
  }
  return paths;
}
