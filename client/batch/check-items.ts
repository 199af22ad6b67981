import { findItemIssues, orderOfItem } from '../../domain/batch/batch-item.ts';
import type { BatchItem, BatchItemDefaults } from '../../domain/batch/batch.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { createIssueList } from '../../domain/issues.ts';
import { jsonPath } from '../../domain/json.ts';
import type { PipelinePlan } from '../../domain/pipeline/pipeline.ts';
import { itemIssuesOf, noModelIssue } from '../../plans/batch/item-issues.ts';
import { checkPlan } from '../../plans/check-plan.ts';
import { settleParams } from '../../plans/params.ts';
import { parsePlan } from '../../plans/parse-plan.ts';
import { validateBundled } from '../../runcomfy/models/index.ts';

/** What the items of a batch are ordered with. */
export interface ItemSetting {
  defaults?: BatchItemDefaults | undefined;
  /** The plan, if the items are pipelines. */
  plan?: object | undefined;
  modelApiBase?: string | undefined;
}

/**
 * Problems of items that can be found locally; paths start at the list. Checking a plan is expensive, so it is checked
 * as a whole with the first item only, and the others only by whether their params fit. A worker checks each item
 * before it orders anything.
 */
export async function findOrderIssues(items: readonly BatchItem[], setting: ItemSetting): Promise<InputIssue[]> {
  const { plan } = setting;
  const issues = createIssueList();
  const read = plan && parsePlan(plan);
  const kind = plan ? 'pipeline' : 'generation';
  for (const [index, item] of items.entries()) {
    const found = findItemIssues(item, kind);
    if (found.length === 0) {
      if (plan === undefined) found.push(...findGenerationIssues(item, setting));
      else if (index === 0 || !read?.ok) found.push(...(await findPipelineIssues(item, plan)));
      else found.push(...findParamIssues(item, read.plan));
    }
    for (const { path, message } of found) issues.add(`${jsonPath('$', index)}${path.slice(1)}`, message);
  }
  return issues.toIssues();
}

function findGenerationIssues(item: BatchItem, { defaults = {}, modelApiBase }: ItemSetting): InputIssue[] {
  const { model, input = {} } = orderOfItem(item, defaults);
  if (model === undefined) return [noModelIssue];
  return validateBundled(model, input, modelApiBase).issues.map(({ path, message }) => ({
    path: `$.input${path.slice(1)}`,
    message,
  }));
}

async function findPipelineIssues({ params }: BatchItem, plan: object): Promise<InputIssue[]> {
  const { issues } = await checkPlan(plan, { params: params ?? {} });
  return itemIssuesOf(issues);
}

function findParamIssues({ params }: BatchItem, plan: PipelinePlan): InputIssue[] {
  return settleParams(plan, params ?? {}).issues;
}
