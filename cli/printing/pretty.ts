import type { CancelOutcome, GenerationResult } from '../../domain/generation.ts';
import { type Labels, labelWords } from '../../domain/labels.ts';
import { formatElapsed } from './format-elapsed.ts';
import { oneLine } from './printable.ts';

/** A table with headings and aligned columns. */
export function table(headings: string[], rows: string[][]): string {
  const all = [headings, ...rows.map((row) => row.map(oneLine))];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names and values, one per line; missing values are left out. */
export function fields(entries: [string, string | number | undefined][]): string {
  const shown = entries.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(String(value))}`).join('\n');
}

/** A result for people, files first. */
export function prettyResult(result: GenerationResult, key: string): string {
  const { output, timings, costUsd, reads, requestId, model } = result;
  const urls: [string, string][] = [
    ...output.images.map((url): [string, string] => ['image', url]),
    ...output.videos.map((url): [string, string] => ['video', url]),
    ...output.audios.map((url): [string, string] => ['audio', url]),
  ];
  const stages = [
    timings.queueMs === undefined ? undefined : `${seconds(timings.queueMs)} queued`,
    timings.runMs === undefined ? undefined : `${seconds(timings.runMs)} running`,
    `${seconds(timings.totalMs)} in all`,
    timings.noticedAfterMs === undefined ? undefined : `noticed after ${seconds(timings.noticedAfterMs)}`,
  ];
  return fields([
    ...urls,
    ['cost', costUsd === undefined ? undefined : `$${String(costUsd)}`],
    ['time', stages.filter((stage) => stage !== undefined).join(', ')],
    ['reads', reads],
    ['model', model],
    ['request', requestId],
    ['key', key],
  ]);
}

/** Explains the outcome of a cancel. */
export function describeOutcome(outcome: CancelOutcome): string {
  switch (outcome) {
    case 'cancelled':
      return 'RunComfy stopped the work';
    case 'not_cancellable':
      return 'RunComfy can no longer stop the work: it runs on and may be billed';
    case 'not_submitted':
      return 'nothing had been sent to RunComfy, and nothing will be';
    case 'too_late':
      return 'it had ended already';
    case 'unknown':
      return 'the wish is recorded, but what RunComfy makes of it is not known yet';
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** A price as stated in the catalogue. */
export function priceOf({
  basePriceUsd,
  priceUnit,
  pricingNote,
}: {
  basePriceUsd?: number;
  priceUnit?: string;
  pricingNote?: string;
}): string {
  if (basePriceUsd === undefined) return pricingNote ?? '';
  return `$${String(basePriceUsd)}${priceUnit === undefined ? '' : ` per ${priceUnit}`}`;
}

/** How long ago something was started. */
export function ageOf(startedAt: string): string {
  return formatElapsed(Date.now() - Date.parse(startedAt));
}

/** A cost, or empty if unknown. */
export function usd(costUsd: number | undefined): string {
  return costUsd === undefined ? '' : `$${String(costUsd)}`;
}

/** Labels in one cell. */
export function labelText(labels: Labels | undefined): string {
  return labels === undefined ? '' : labelWords(labels).join(', ');
}
