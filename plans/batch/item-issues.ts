import type { InputIssue } from '../../domain/generation.ts';

/** The problem of an item that names no model. */
export const noModelIssue: InputIssue = {
  path: '$.model',
  message: 'neither the item nor the defaults name a model',
};

/** Problems of the plan with an item's params, with paths that start at the item. */
export function itemIssuesOf(issuesOfPlan: readonly InputIssue[]): InputIssue[] {
  return issuesOfPlan.map(({ path, message }) =>
    path.startsWith('$.params') ? { path, message } : { path: '$', message: `${path} of the plan: ${message}` },
  );
}
