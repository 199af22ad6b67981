import { type BatchItem, checkRequest } from '../../../client/index.ts';
import { batchLimits } from '../../../domain/batch/batch.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { labelsOf } from '../../options/label-option.ts';
import { priorityOf } from '../../options/priority-options.ts';
import { readSetting, withItems } from '../batch/item-file.ts';
import { addBatchRunOptions, type BatchOrderFlags, toBatchRequest } from '../batch/run-order.ts';
import { addGenerateOptions, type GenerateOrderFlags, readGenerateOrder } from '../generate-order.ts';
import { addPipelineRunOptions, type PipelineOrderFlags, readPipelineOrder } from '../pipeline/run-order.ts';
import { checkByCatalogue, refused } from './check-by-catalogue.ts';
import { defineKind, type ScheduledKind, type WhatIsOrdered } from './scheduled-kind.ts';

const whoAndWhatFor = ['priority', 'tenant', 'weight', 'label'] as const;

const generation = defineKind<GenerateOrderFlags>({
  words: ['generate'],
  argument: '<model>',
  set: addGenerateOptions,
  orderFlags: [
    'input',
    'inputFile',
    'deadline',
    'onUnknown',
    'onCancel',
    'onWall',
    'preset',
    'secondsPerRead',
    'maxPrice',
    'maxCost',
    'budget',
    'webhook',
    'webhookSecret',
    'webhookEvent',
    ...whoAndWhatFor,
  ],
  toOrder: async (context, model, flags) => {
    const labels = labelsOf(flags);
    const request = await readGenerateOrder(context, model, flags);
    const { warnings } = checkRequest(request, 'schedule', { modelApiBase: context.config().modelApiBase });
    warn(context, warnings);
    await checkByCatalogue(context, request);
    return { order: { generation: request }, ...priorityOf(flags), ...labels };
  },
});

const pipeline = defineKind<PipelineOrderFlags>({
  words: ['pipeline', 'run'],
  argument: '<file>',
  set: addPipelineRunOptions,
  orderFlags: ['param', 'paramsFile', 'maxCost', 'budget', 'deadline', 'onWall', ...whoAndWhatFor],
  toOrder: async (context, file, flags) => {
    const labels = labelsOf(flags);
    const { request, warnings } = await readPipelineOrder(context, file, flags);
    warn(context, warnings);
    return { order: { pipeline: request }, ...priorityOf(flags), ...labels };
  },
});

const batch = defineKind<BatchOrderFlags>({
  words: ['batch', 'run'],
  argument: '<file>',
  set: addBatchRunOptions,
  orderFlags: ['model', 'defaults', 'plan', 'format', 'window', 'maxCost', 'pauseAfter', 'budget', ...whoAndWhatFor],
  toOrder: async (context, file, flags): Promise<WhatIsOrdered> => {
    const labels = labelsOf(flags);
    const setting = { ...(await readSetting(context, file, flags)), needsPrices: true };
    return await withItems(context, file, setting, async ({ warnings, estimate, count, items, ...made }) => {
      if (count > batchLimits.inlineItems) {
        const message = `a scheduled batch carries its items, at most 1,000; ${file} has ${String(count)}`;
        throw refused([{ path: 'request.items', message }]);
      }
      const { maxCost = Number.POSITIVE_INFINITY } = flags;
      if (estimate.atLeastUsd > maxCost) {
        const message = `the items cost at least ${String(estimate.atLeastUsd)} USD, and maxCostUsd is ${String(maxCost)}`;
        throw refused([{ path: 'request.maxCostUsd', message }]);
      }
      warn(context, warnings);
      const inline: BatchItem[] = [];
      for await (const item of items) inline.push(item);
      return { order: { batch: { ...toBatchRequest(made, flags), items: inline } }, ...priorityOf(flags), ...labels };
    });
  },
});

const kinds: readonly ScheduledKind[] = [generation, pipeline, batch];

/** Parses the command line of the order, which follows `--`. */
export async function readScheduledOrder(context: CommandContext, line: string[]): Promise<WhatIsOrdered> {
  const kind = kinds.find(({ words }) => words.every((word, index) => line[index] === word));
  if (kind) return await kind.read(context, line.slice(kind.words.length));
  throw new CliError(
    'Usage',
    'what is ordered stands behind `--`: generate MODEL …, pipeline run FILE … or batch run FILE …',
  );
}

function warn({ printer }: CommandContext, warnings: string[]): void {
  for (const warning of warnings) printer.note(`warning: ${warning}`);
}
