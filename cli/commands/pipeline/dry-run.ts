import type { PipelinePreview, PipelineRequest } from '../../../client/index.ts';
import { createOutputCheck } from '../../../runcomfy/output-gone.ts';
import { catalogueOf } from '../../catalogue.ts';
import type { CommandContext } from '../../command-context.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';

/** Prints what a run would order, why, and at what price, and orders nothing. */
export async function dryRun(
  { config, printer, withTemporal }: Pick<CommandContext, 'config' | 'printer' | 'withTemporal'>,
  request: PipelineRequest,
  { key, rerun }: { key: string; rerun: boolean | undefined },
): Promise<ExitCode> {
  const isGone = createOutputCheck({ modelApiBase: config().modelApiBase });
  return catalogueOf(config, ({ lookup }) =>
    withTemporal(async ({ generations }) => {
      const preview = await generations.pipelines.preview(request, { key, rerun, catalogue: lookup, isGone });
      printer.print(preview, () => prettyPreview(preview));
      return exitCodes.done;
    }),
  );
}

function prettyPreview({ key, attached, orders, steps, ordered, reused, ...rest }: PipelinePreview): string {
  const { totalUsd, atLeastUsd, warnings } = rest;
  if (attached)
    return [`${key} was started with this plan already: it would be followed, nothing ordered`, ...warnings].join('\n');
  const rows = [
    ...orders.map(({ step, index, decision, reason = '', priceUsd }) => [
      index === undefined ? step : `${step}[${String(index)}]`,
      decision,
      decision === 'order' ? (priceUsd === null ? '$?' : `$${String(priceUsd)}`) : '',
      reason,
    ]),
    ...steps.map(({ step, decision, reason }) => [step, decision, '', reason]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const price = totalUsd === null ? `at least $${String(atLeastUsd)}, not all is known` : `$${String(totalUsd)}`;
  const sum = `${String(ordered)} would be ordered for ${price}, ${String(reused)} reused; nothing was ordered now`;
  return [...table, sum, ...warnings.map((warning) => `warning: ${warning}`)].join('\n');
}
