import type { Estimate, EstimateLine } from '../../domain/estimate.ts';

/** An estimate for people: a row per line, and the sum. */
export function prettyEstimate({ lines, totalUsd, atLeastUsd, unknown, balanceUsd, note }: Estimate): string {
  const rows = lines.map((line) => [line.what, `${line.count === null ? '?' : String(line.count)} ×`, costOf(line)]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map(([what = '', count = '', cost = '']) =>
    [what.padEnd(widths[0] ?? 0), count.padStart(widths[1] ?? 0), cost].join('  '),
  );
  const total = totalUsd === null ? `at least ${usd(atLeastUsd)}; ${String(unknown)} unknown` : usd(totalUsd);
  return [...table, `total  ${total}`, ...(balanceUsd === undefined ? [] : [`balance  ${usd(balanceUsd)}`]), note].join(
    '\n',
  );
}

/** What the orders of a line cost in total, or why that is unknown. */
export function costOf({ priceUsd, why, unitPriceUsd, unit, units }: EstimateLine): string {
  if (priceUsd === null) return `unknown: ${why ?? 'no price is published'}`;
  if (unitPriceUsd === undefined || unit === undefined || units === undefined) return usd(priceUsd);
  return `${usd(priceUsd)}  (${String(units)} ${unit} at ${usd(unitPriceUsd)})`;
}

function usd(amount: number): string {
  return `$${amount.toFixed(6).replace(/(\.\d{2}\d*?)0+$/, '$1')}`;
}
