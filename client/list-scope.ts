import type { Client } from '@temporalio/client';
import { findLabelIssues } from '../domain/label-issues.ts';
import { type Labels, labelWords } from '../domain/labels.ts';
import { checkArgument } from './generation/check-arguments.ts';
import type { RunInfo } from './generation/run-info.ts';
import { readLabels } from './start-labels.ts';

/** What every list can be narrowed to. */
export interface ListScope {
  /** Only what carries all of these labels. */
  labels?: Labels | undefined;
  /** Only what was started at this time or later; of what was continued as new, its last run counts. */
  since?: Date | undefined;
  /** Only what was started before this time. */
  until?: Date | undefined;
  /** Only keys that begin so. */
  keyPrefix?: string | undefined;
}

/** Refuses a scope that means nothing. */
export function checkScope({ labels, since, until, keyPrefix }: ListScope): void {
  checkArgument('filter.labels', labels === undefined || findLabelIssues(labels).length === 0, 'names and values');
  for (const [name, time] of Object.entries({ since, until })) {
    const isTime = time === undefined || ((time as unknown) instanceof Date && !Number.isNaN(time.getTime()));
    checkArgument(`filter.${name}`, isTime, 'a valid Date');
  }
  const isText = keyPrefix === undefined || (typeof keyPrefix === 'string' && keyPrefix !== '');
  checkArgument('filter.keyPrefix', isText, 'text');
}

/**
 * The scope as any server can look for it: everything but the labels, and no more of a prefix than a query can compare. What
 * is found may have keys that begin otherwise.
 */
export function scopeClauses({ since, until, keyPrefix = '' }: ListScope): string[] {
  const beginning = isComparable(keyPrefix) ? keyPrefix : plainBeginning(keyPrefix);
  return [
    ...(since ? [`StartTime >= "${since.toISOString()}"`] : []),
    ...(until ? [`StartTime < "${until.toISOString()}"`] : []),
    ...(beginning === '' ? [] : [`WorkflowId STARTS_WITH ${quote(beginning)}`]),
  ];
}

/** A server that has no such attribute refuses the query; any other finds all with it. */
export const knowsPhases = '(RunComfyPhase IS NULL OR RunComfyPhase != "")';

/** Leaves out what cannot carry the labels: what runs may not have shown them yet. */
export function labelClauses(labels: Labels = {}): string[] {
  return labelWords(labels).map(
    (word) => `(RunComfyLabels = ${quote(word)} OR (RunComfyLabels IS NULL AND ExecutionStatus = "Running"))`,
  );
}

/** Whether a run carries all the labels, and those that it carries. */
export async function matchLabels(
  client: Client,
  run: RunInfo,
  wanted: Labels = {},
): Promise<{ isMatch: boolean; labels: Labels | undefined }> {
  const labels = await readLabels(client, run);
  const isMatch = Object.entries(wanted).every(([name, value]) => labels?.[name] === value);
  return { isMatch, labels };
}

/**
 * Whether a query can name this text: the SQL stores of Temporal compare no value with such characters, however they are
 * escaped, and PostgreSQL's refuses every query with a question mark, which it takes for the place of a value.
 */
export function isComparable(text: string): boolean {
  return !/['"\\?\p{Cc}]/u.test(text);
}

/** The longest beginning of a text that every store compares as a beginning. */
export function plainBeginning(text: string): string {
  const [plain = ''] = /^[^'"`\\?%_!\p{Cc}]*/u.exec(text) ?? [];
  return plain;
}

/** Text as Temporal's queries quote it. */
export function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
