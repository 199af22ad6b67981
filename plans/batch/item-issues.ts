import type { InputIssue } from '../../domain/generation.ts';

/** Of an item that orders nothing. */
export const noModelIssue: InputIssue = {
  path: '$.model',
  message: 'neither the item nor the defaults name a model',
};

/** What is wrong with a plan as an item's params make it; paths begin at the item. */
export function itemIssuesOf(issuesOfPlan: readonly InputIssue[]): InputIssue[] {
  return issuesOfPlan.map(({ path, message }) =>
    path.startsWith('$.params') ? { path, message } : { path: '$', message: `${path} of the plan: ${message}` },
  );
}
