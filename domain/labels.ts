import { isJsonObject, jsonBytes } from './json.ts';

/** Labels that say what an order is for: `{ team: 'film', campaign: 'autumn' }`. */
export type Labels = Readonly<Record<string, string>>;

/** Memo key of an order's labels. */
export const labelsMemoKey = 'runcomfyLabels';

/** Bounds of labels. Temporal allows 2 KiB in one search attribute, which the largest permitted labels fit into. */
export const labelBounds = { labels: 10, valueBytes: 120 } as const;
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,39}$/;
/**
 * Letters (Latin, Greek, Cyrillic, Japanese, Chinese, Korean), digits, `._:/@+#-`, and spaces inside: nothing that
 * needs escaping in a query, a table or JSON. Uses ranges because the workflow bundle would expand every `\p{…}`.
 */
const valuePattern =
  /^(?! )[A-Za-z0-9 ._:/@+#\-\u00c0-\u024f\u0370-\u04ff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]+(?<! )$/;

/** Whether a text can be the name of a label. */
export function isLabelName(name: string): boolean {
  return namePattern.test(name);
}

/** Whether a value can be that of a label. */
export function isLabelValue(value: unknown): value is string {
  return typeof value === 'string' && jsonBytes(value) <= labelBounds.valueBytes + 2 && valuePattern.test(value);
}

/** The labels in a memo; undefined if it holds no valid labels. */
export function labelsIn(memo: unknown): Labels | undefined {
  const found = isJsonObject(memo) ? memo[labelsMemoKey] : undefined;
  const entries = isJsonObject(found) ? Object.entries(found) : [];
  const areLabels = entries.every(([name, value]) => isLabelName(name) && isLabelValue(value));
  return entries.length > 0 && entries.length <= labelBounds.labels && areLabels ? (found as Labels) : undefined;
}

/** The memo that carries labels. */
export function labelMemo(labels: Labels | undefined): { [labelsMemoKey]?: Labels } {
  return labels === undefined || Object.keys(labels).length === 0 ? {} : { [labelsMemoKey]: labels };
}

/** Labels as stored in search attribute `RunComfyLabels`: `name=value`, sorted. */
export function labelWords(labels: Labels): string[] {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
