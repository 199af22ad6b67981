import { isJsonObject, jsonBytes } from './json.ts';

/** What an order is for, by name: `{ team: 'film', campaign: 'autumn' }`. */
export type Labels = Readonly<Record<string, string>>;

/** Memo key of an order's labels. */
export const labelsMemoKey = 'runcomfyLabels';

/** Temporal takes 2 KiB in one search attribute: as many labels as these bounds allow fit into it. */
export const labelBounds = { labels: 10, valueBytes: 120 } as const;
const namePattern = /^[A-Za-z][A-Za-z0-9_.-]{0,39}$/;
/**
 * Letters (Latin, Greek, Cyrillic, Japanese, Chinese, Korean), digits, `._:/@+#-`, spaces inside: nothing that a query, a
 * table or JSON would have to escape. By ranges, since the bundle of the workflows spells out every `\p{…}`.
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

/** The labels that a memo carries; none where it carries nothing that can be labels. */
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

/** Labels as search attribute `RunComfyLabels` holds them: `name=value`, sorted. */
export function labelWords(labels: Labels): string[] {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .sort();
}
