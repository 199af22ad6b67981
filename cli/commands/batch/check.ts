import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { parsePositive } from '../../options/option-parsers.ts';
import { prettyEstimate } from '../../printing/estimate-table.ts';
import { addItemOptions, type ItemFlags, readSetting, withItems } from './item-file.ts';

/** A check also reports what can be found without the catalogue. */
const mayReadAsText = true;

/** `batch validate FILE`: checks every line of a file and sends nothing. */
export const addBatchValidate = defineCommand<ItemFlags>({
  signature: 'validate <file>',
  summary: 'Check every line of a file of items and send nothing; with a token every model against the live catalogue.',
  examples: ['runcomfy-temporal batch validate clips.csv --model kling/kling-3.0/standard/image-to-video'],
  set: addItemOptions,
  act: async (context, [file = ''], flags) =>
    withItems(context, file, { ...(await readSetting(context, file, flags)), mayReadAsText }, ({ count, warnings }) => {
      const { printer } = context;
      if (printer.format === 'pretty') for (const warning of warnings) printer.note(`warning: ${warning}`);
      printer.print({ valid: true, count, issues: [], warnings }, () => `valid: ${String(count)} items`);
      return Promise.resolve(exitCodes.done);
    }),
});

/** `batch estimate FILE`: the expected cost of a file's items. */
export const addBatchEstimate = defineCommand<ItemFlags & { maxCost?: number }>({
  signature: 'estimate <file>',
  summary: 'Show what the items of a file are expected to cost, and send nothing.',
  examples: ['runcomfy-temporal batch estimate clips.csv --model kling/kling-3.0/standard/image-to-video'],
  set: (command) => {
    addItemOptions(command);
    command.option('--max-cost <usd>', 'refuse items whose price cannot be known', parsePositive);
  },
  act: async (context, [file = ''], flags) =>
    withItems(
      context,
      file,
      { ...(await readSetting(context, file, flags)), mayReadAsText },
      ({ estimate, warnings }) => {
        const { printer } = context;
        if (printer.format === 'pretty') for (const warning of warnings) printer.note(`warning: ${warning}`);
        printer.print(estimate, () => prettyEstimate(estimate));
        return Promise.resolve(exitCodes.done);
      },
    ),
});
