import type { InputIssue } from './generation.ts';
import { cutText } from './text.ts';

/** Malformed input can have any number of problems of any length. Listing them all would not fit into a history. */
const maxIssues = 50;

const maxPathLength = 200;
const maxMessageLength = 300;
const maxToldIssues = 10;
const maxSentenceLength = 2_000;
const maxHintsLength = 1_000;

/** Collects problems in the order they were found, bounded in number and length. */
export interface IssueList {
  add: (path: string, message: string) => void;
  /** Whether the list is full, so that further problems are only counted. */
  isFull: () => boolean;
  /** Counts problems without listing them. */
  count: (more: number) => void;
  /** At most 50 problems, followed by one entry with the number of the others. */
  toIssues: () => InputIssue[];
}

/** Creates an `IssueList`. */
export function createIssueList(): IssueList {
  const kept: InputIssue[] = [];
  let left = 0;
  return {
    add(path, message) {
      if (kept.length < maxIssues) kept.push(cutIssue({ path, message }));
      else left += 1;
    },
    isFull: () => kept.length === maxIssues,
    count: (more) => {
      left += more;
    },
    toIssues: () => (left === 0 ? kept : [...kept, moreIssues(left)]),
  };
}

/** At most 50 of the problems, each of bounded length, followed by one entry with the number of the others. */
export function boundIssues(issues: readonly InputIssue[]): InputIssue[];
export function boundIssues<Problem>(
  problems: readonly Problem[],
  tell: (problem: Problem) => InputIssue,
): InputIssue[];
export function boundIssues(problems: readonly InputIssue[], tell = (problem: InputIssue) => problem): InputIssue[] {
  const kept = problems.slice(0, maxIssues).map((problem) => cutIssue(tell(problem)));
  return problems.length <= maxIssues ? kept : [...kept, moreIssues(problems.length - maxIssues)];
}

/** At most 50 of the warnings, each of bounded length, followed by one entry with the number of the others. */
export function boundWarnings(warnings: readonly string[]): string[] {
  const kept = warnings.slice(0, maxIssues).map((warning) => cutText(warning, maxMessageLength));
  const more = warnings.length - kept.length;
  return more === 0 ? kept : [...kept, `and ${String(more)} more warning${more === 1 ? '' : 's'}`];
}

/** Joins problems into one sentence, listing only the first few: `$.prompt: is required; $.duration: expected …`. */
export function issuesSentence(issues: readonly InputIssue[]): string {
  const told = issues.slice(0, maxToldIssues).map(({ path, message }) => `${path}: ${message}`);
  if (issues.length > maxToldIssues) told.push(`and ${String(issues.length - maxToldIssues)} more`);
  return cutText(told.join('; '), maxSentenceLength);
}

/**
 * The warnings as a clause to append to a sentence of problems: `; also: …`, or empty. Whoever fixes the problems sees
 * both at once.
 */
export function hintsClause(warnings: readonly string[]): string {
  return warnings.length === 0 ? '' : `; also: ${cutText(warnings.join('; '), maxHintsLength)}`;
}

function cutIssue({ path, message }: InputIssue): InputIssue {
  return { path: cutText(path, maxPathLength), message: cutText(message, maxMessageLength) };
}

function moreIssues(count: number): InputIssue {
  return { path: '$', message: `and ${String(count)} more problem${count === 1 ? '' : 's'}` };
}
