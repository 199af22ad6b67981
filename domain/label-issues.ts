import type { InputIssue } from './generation.ts';
import { createIssueList } from './issues.ts';
import { isJsonObject } from './json.ts';
import { isLabelName, isLabelValue, labelBounds } from './labels.ts';
import { cutText } from './text.ts';

/** All problems with labels, each at path `label.<name>`. */
export function findLabelIssues(labels: unknown): InputIssue[] {
  const issues = createIssueList();
  if (!isJsonObject(labels)) {
    issues.add('labels', 'expected an object { name: text }');
    return issues.toIssues();
  }
  const entries = Object.entries(labels);
  if (entries.length > labelBounds.labels) {
    issues.add('labels', `expected at most ${String(labelBounds.labels)} labels, got ${String(entries.length)}`);
  }
  for (const [name, value] of entries) {
    if (!isLabelName(name)) {
      const expected = 'expected a name of 1 to 40 letters, digits, "_", ".", "-" that begins with a letter';
      issues.add(`label.${cutText(name, 60)}`, expected);
    }
    if (!isLabelValue(value)) {
      const expected = `expected text of 1 to ${String(labelBounds.valueBytes)} bytes of letters, digits, spaces inside, and ._:/@+#-`;
      issues.add(`label.${cutText(name, 60)}`, expected);
    }
  }
  return issues.toIssues();
}
