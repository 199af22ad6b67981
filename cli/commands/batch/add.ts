import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { addFormatOption, type ItemFlags, withItems } from './item-file.ts';
import { behindKnown } from './new-items.ts';

/** `batch add KEY FILE`: adds the items of a file after those that a batch has. */
export const addBatchAdd = defineCommand<Pick<ItemFlags, 'format'>>({
  signature: 'add <key> <file>',
  summary:
    'Add the items of a file behind those that an open batch has, - for standard input; those that it has are left out, so that the same command may be repeated.',
  examples: ['runcomfy-temporal batch add clips-1 more.jsonl'],
  set: addFormatOption,
  act: (context, [key = '', file = ''], flags) =>
    context.withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const defaults = await batch.defaults();
      const plan = await batch.plan();
      const { money } = await batch.state();
      const setting = { format: flags.format, defaults, plan, maxCost: money.maxCostUsd };
      const needsPrices = (await batch.budgets()) !== undefined;
      return await withItems(context, file, { ...setting, needsPrices }, async ({ items }) => {
        const known = { [Symbol.asyncIterator]: () => batch.items()[Symbol.asyncIterator]() };
        const { count, added } = await batch.addAll(await behindKnown(known, items));
        context.printer.print(
          { count, added },
          () => `${key} has ${String(count)} items, ${String(added)} of them new`,
        );
        return exitCodes.done;
      });
    }),
});
