import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { addFormatOption, type ItemFlags, withItems } from './item-file.ts';

/** `batch add KEY FILE`: adds the items of a file behind those that a batch has. */
export const addBatchAdd = defineCommand<Pick<ItemFlags, 'format'>>({
  signature: 'add <key> <file>',
  summary:
    'Add the items of a file behind those that an open batch has, - for standard input; those whose id it has are left out, so that the same command may be repeated.',
  examples: ['runcomfy-temporal batch add clips-1 more.jsonl'],
  set: addFormatOption,
  act: (context, [key = '', file = ''], flags) =>
    context.withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const defaults = await batch.defaults();
      const plan = await batch.plan();
      return await withItems(context, file, { format: flags.format, defaults, plan }, async ({ items }) => {
        const before = {
          async *[Symbol.asyncIterator]() {
            const ids = new Set<string>();
            for await (const item of batch.items()) {
              ids.add(item.id);
              yield item;
            }
            for await (const item of items) if (!ids.has(item.id)) yield item;
          },
        };
        const { count, added } = await batch.addAll(before);
        context.printer.print(
          { count, added },
          () => `${key} has ${String(count)} items, ${String(added)} of them new`,
        );
        return exitCodes.done;
      });
    }),
});
