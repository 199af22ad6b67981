import { workflowInfo } from '@temporalio/workflow';
import { type Labels, labelsIn, labelWords } from '../domain/labels.ts';

/** The labels that this run was started with; everything it orders carries them as well. */
export function labelsOfRun(): Labels | undefined {
  return labelsIn(workflowInfo().memo);
}

/** The labels as search attribute `RunComfyLabels` shows them. */
export function labelsShown(): string[] | undefined {
  const labels = labelsOfRun();
  return labels && labelWords(labels);
}

/** The search attribute of the labels, if there are any. */
export function labelAttributes(): { key: { name: string; type: 'KEYWORD_LIST' }; value: string[] }[] {
  const value = labelsShown();
  return value === undefined ? [] : [{ key: { name: 'RunComfyLabels', type: 'KEYWORD_LIST' }, value }];
}
