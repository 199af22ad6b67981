import { setTimeout as sleep } from 'node:timers/promises';
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
import { plainPathOf } from '../../plans/expressions/expression.ts';
import { parseTemplate, soleExpression } from '../../plans/expressions/template.ts';
import { paramsOf, sourcesOf } from '../../plans/graph.ts';
import { withMemory } from '../../plans/model-facts.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/** Of all that is prepared along with the check: an answer stands in the history, which takes no more than 2 MiB. */
const maxPreparedBytes = 256 * 1024;
/** A plan whose check takes long is better begun: each step has an activity of its own otherwise. */
const firstMs = 3_000;
const maxFirstSteps = 8;

/** Checks a plan and its params before anything is paid, whoever started the pipeline. */
export function createCheckPlan(deps: PipelineDeps): PipelineActivities['checkPlan'] {
  return async ({ plan: asGiven, params = {}, maxCostUsd, needsPrices, onWall, lineage, first, showsPhase }) => {
    const lookup = withMemory(deps.lookup);
    const limits = withoutUndefined({ maxCostUsd, needsPrices, onWall, lineage, mayBeReused: first?.orderAgain });
    const report = await checkPlan(asGiven, { ...lookup, params, ...limits });
    // Nothing is wrong with the plan: asked again, the catalogue may tell the prices.
    if (report.isOnlyAway) throw new Error(issuesSentence(report.issues));
    if (report.checked === undefined) {
      return { issues: report.issues, ...(showsPhase && { searchAttributes: deps.searchAttributes() }) };
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
      // A workflow of an older version does not ask for it, and would go on in its own way.
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

/** What is not prepared in time, or is too much for one answer, is asked for by itself, in its own time. */
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

/** An order that follows one of its key depends on what became of that one, which a reset would not look at again. */
function isFurther(answer: StepAnswer): boolean {
  return answer.kind === 'orders' && answer.orders.some((order) => order.kind === 'order' && order.retryOfRunId);
}

/** Undefined where an output is more than a path. */
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
