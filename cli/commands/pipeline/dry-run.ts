import type { PipelinePreview, PipelineRequest } from '../../../client/index.ts';
import { createOutputCheck } from '../../../runcomfy/output-gone.ts';
import { catalogueOf } from '../../catalogue.ts';
import type { CommandContext, ConnectedGenerations } from '../../command-context.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';

/** The run to preview. */
export interface MeantRun {
  key: string;
  rerun: boolean | undefined;
}

/** Prints what a run would order, why, and at what price. Orders nothing. */
export function dryRun(context: CommandContext, request: PipelineRequest, run: MeantRun): Promise<ExitCode> {
  return context.withTemporal(async (connected) => {
    const preview = await previewRun(context, connected, request, run);
    context.printer.print(preview, () => prettyPreview(preview));
    return exitCodes.done;
  });
}

/** Previews what a run would order, based on RunComfy's catalogue and on which earlier files still exist. */
export function previewRun(
  { config }: Pick<CommandContext, 'config'>,
  { generations }: ConnectedGenerations,
  request: PipelineRequest,
  run: MeantRun,
): Promise<PipelinePreview> {
  const { modelApiBase, proxies } = config();
  const isGone = createOutputCheck({ modelApiBase, proxies: proxies?.urls() });
  return catalogueOf(config, ({ lookup }) =>
    generations.pipelines.preview(request, { ...run, catalogue: lookup, isGone }),
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
