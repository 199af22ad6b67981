import { orderOfItem } from '../../domain/batch/batch-request.ts';
import type { BatchItem, BatchItemDefaults } from '../../domain/batch/batch.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { createIssueList } from '../../domain/issues.ts';
import { jsonPath } from '../../domain/json.ts';
import { validateBundled } from '../../runcomfy/models/index.ts';

/** What is wrong with the orders that items make, as far as can be told without asking anybody; paths begin at the list. */
export function findOrderIssues(
  items: readonly BatchItem[],
  defaults: BatchItemDefaults = {},
  modelApiBase?: string,
): InputIssue[] {
  const issues = createIssueList();
  for (const [index, item] of items.entries()) {
    for (const { path, message } of findItemOrderIssues(item, defaults, modelApiBase)) {
      issues.add(`${jsonPath('$', index)}${path.slice(1)}`, message);
    }
  }
  return issues.toIssues();
}

function findItemOrderIssues(item: BatchItem, defaults: BatchItemDefaults, modelApiBase?: string): InputIssue[] {
  const { model, input = {} } = orderOfItem(item, defaults);
  if (model === undefined) return [{ path: '$.model', message: 'neither the item nor the defaults name a model' }];
  return validateBundled(model, input, modelApiBase).issues.map(({ path, message }) => ({
    path: `$.input${path.slice(1)}`,
    message,
  }));
}
