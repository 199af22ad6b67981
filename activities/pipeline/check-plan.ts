import { issuesSentence } from '../../domain/issues.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { OutputPaths, PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { plainPathOf } from '../../plans/expression.ts';
import { paramsOf, sourcesOf } from '../../plans/graph.ts';
import { parseTemplate, soleExpression } from '../../plans/template.ts';
import type { PipelineDeps } from './pipeline-deps.ts';

/** Checks a plan and its params before anything is paid, whoever started the pipeline. */
export function createCheckPlan({ lookup, searchAttributes }: PipelineDeps): PipelineActivities['checkPlan'] {
  return async ({ plan: asGiven, params = {}, maxCostUsd, needsPrices, onWall, lineage }) => {
    const limits = withoutUndefined({ maxCostUsd, needsPrices, onWall, lineage });
    const report = await checkPlan(asGiven, { ...lookup, params, ...limits });
    // Nothing is wrong with the plan: asked again, the catalogue may tell the prices.
    if (report.isOnlyAway) throw new Error(issuesSentence(report.issues));
    if (report.checked === undefined) return { issues: report.issues };
    const { plan, params: settled, sortedSteps } = report.checked;
    const outputPaths = pathsOf(plan.outputs);
    return {
      plan,
      params: settled,
      steps: sortedSteps.map((id) => ({ id, steps: sourcesOf(plan, id), params: paramsOf(plan, id) })),
      ...(outputPaths && { outputPaths }),
      warnings: report.warnings,
      searchAttributes: searchAttributes(),
      isSparing: true,
    };
  };
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
