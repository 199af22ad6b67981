import { type Command, Option } from 'commander';
import type { Labels } from '../../client/index.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { findLabelIssues } from '../../domain/label-issues.ts';
import { cutText } from '../../domain/text.ts';
import { CliError } from '../cli-error.ts';

/** Labels as given on the command line. */
export interface LabelFlags {
  label?: string[];
}

/** Adds `--label name=value`. */
export function addLabelOption(command: Command, summary = 'what it is for, up to 10 of them; can be repeated'): void {
  const collect = (text: string, others: string[] | undefined) => [...(others ?? []), text];
  command.addOption(new Option('--label <name=value>', summary).argParser(collect));
}

/** Parses the labels; throws with all problems at once. */
export function labelsOf({ label: texts }: LabelFlags): { labels?: Labels } {
  if (texts === undefined) return {};
  const labels: Record<string, string> = {};
  const issues = texts.flatMap((text) => {
    const at = text.indexOf('=');
    const path = `label.${cutText(text, 60)}`;
    if (at < 1) return [{ path, message: 'expected name=value' }];
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    const isTwice = Object.hasOwn(labels, name) && labels[name] !== value;
    Object.defineProperty(labels, name, { value, enumerable: true, configurable: true });
    return isTwice ? [{ path: `label.${name}`, message: 'is given twice with different values' }] : [];
  });
  issues.push(...findLabelIssues(labels));
  if (issues.length === 0) return { labels };
  throw new CliError('InvalidInput', `nothing was sent, the labels are not valid: ${issuesSentence(issues)}`, {
    issues,
  });
}
