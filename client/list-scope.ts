import type { Client } from '@temporalio/client';
import { findLabelIssues } from '../domain/label-issues.ts';
import { type Labels, labelWords } from '../domain/labels.ts';
import { checkArgument } from './generation/check-arguments.ts';
import type { RunInfo } from './generation/run-info.ts';
import { readLabels } from './start-labels.ts';

/** What any list can be narrowed by. */
export interface ListScope {
  /** Only runs that carry all of these labels. */
  labels?: Labels | undefined;
  /** Only runs started at this time or later; a workflow that continued as new is judged by its last run. */
  since?: Date | undefined;
  /** Only runs started before this time. */
  until?: Date | undefined;
  /** Only keys with this prefix. */
  keyPrefix?: string | undefined;
}

/** Refuses a scope with invalid values. */
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
 * The scope as query clauses that every server can evaluate: everything but the labels, and only as much of the prefix
 * as a query can compare. The query may therefore find keys without the prefix, which callers filter out.
 */
export function scopeClauses({ since, until, keyPrefix = '' }: ListScope): string[] {
  const beginning = isComparable(keyPrefix) ? keyPrefix : plainBeginning(keyPrefix);
  return [
    ...(since ? [`StartTime >= "${since.toISOString()}"`] : []),
    ...(until ? [`StartTime < "${until.toISOString()}"`] : []),
    ...(beginning === '' ? [] : [`WorkflowId STARTS_WITH ${quote(beginning)}`]),
  ];
}

/**
 * Matches every run on a server that has our search attributes; a server without them refuses the query, which would
 * otherwise find only runs without a phase.
 */
export const knowsPhases = '(RunComfyPhase IS NULL OR RunComfyPhase != "")';

/**
 * Leaves out the runs that cannot carry the labels. Open runs without the attribute stay in, as they may not have set
 * it yet.
 */
export function labelClauses(labels: Labels = {}): string[] {
  return labelWords(labels).map(
    (word) => `(RunComfyLabels = ${quote(word)} OR (RunComfyLabels IS NULL AND ExecutionStatus = "Running"))`,
  );
}

/** Whether a run carries all the wanted labels, and which labels it has. */
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
 * Whether a query can contain this text. The SQL stores of Temporal cannot compare values with these characters,
 * however they are escaped; PostgreSQL refuses every query with a question mark, which it takes for a placeholder.
 */
export function isComparable(text: string): boolean {
  return !/['"\\?\p{Cc}]/u.test(text);
}

/** The longest prefix of a text that every store can match with `STARTS_WITH`. */
export function plainBeginning(text: string): string {
  const [plain = ''] = /^[^'"`\\?%_!\p{Cc}]*/u.exec(text) ?? [];
  return plain;
}

/** Quotes text for a query of Temporal. */
export function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
