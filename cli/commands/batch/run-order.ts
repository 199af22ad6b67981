import { type Command, Option } from 'commander';
import type { BatchRequest } from '../../../client/index.ts';
import { batchDefaults } from '../../../domain/batch/batch.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { addBudgetOption } from '../../options/budget-option.ts';
import { addLabelOption, type LabelFlags } from '../../options/label-option.ts';
import { parseCount, parsePositive, parseWhole } from '../../options/option-parsers.ts';
import { addPriorityOptions, type PriorityFlags } from '../../options/priority-options.ts';
import { addItemOptions, type ItemFlags, type ItemSetting } from './item-file.ts';

/** The options of `batch run` that describe the order. */
export interface BatchOrderFlags extends ItemFlags, PriorityFlags, LabelFlags {
  window?: number;
  maxCost?: number;
  pauseAfter?: number;
  budget?: string[];
}

/** Adds the options of `batch run`. */
export function addBatchRunOptions(command: Command): void {
  command.requiredOption('--key <key>', 'name of the batch, and the Workflow ID');
  addItemOptions(command);
  command
    .addOption(new Option('--window <count>', 'how many at a time, 1 to 500; default 20').argParser(parseCount))
    .option('--max-cost <usd>', 'start nothing that could take the sum above this', parsePositive)
    .addOption(
      new Option('--pause-after <count>', 'pause after so many failures in a row; default 25, 0: never').argParser(
        parseWhole,
      ),
    )
    .option('--results <file>', 'append one JSON line for each item that has ended, - for standard output')
    .option('--keep-open', 'more will be added: `batch seal` says that no more will come')
    .option('--no-wait', 'print { key, runId, count } once all items are sent')
    .option('--yes', 'do not ask whether the price is right');
  addBudgetOption(command);
  addPriorityOptions(command, batchDefaults.priority);
  addLabelOption(command);
}

/** The request given by the command line, without its items. */
export function toBatchRequest(
  { plan, defaults }: Pick<ItemSetting, 'plan' | 'defaults'>,
  { window, maxCost, pauseAfter, budget }: BatchOrderFlags,
): BatchRequest {
  return withoutUndefined({
    plan,
    defaults,
    window,
    maxCostUsd: maxCost,
    pauseAfterFailures: pauseAfter,
    budgets: budget,
  });
}
