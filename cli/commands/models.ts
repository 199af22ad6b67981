import { Option } from 'commander';
import { cutText } from '../../domain/text.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount } from '../options/option-parsers.ts';
import { priceOf, table } from '../printing/pretty.ts';
import { withRunComfy } from '../with-runcomfy.ts';

interface ModelsOptions {
  search?: string;
  category?: string;
  limit: number;
}

const maxNoteLength = 80;

/** `models`: RunComfy's catalogue. */
export const addModels = defineCommand<ModelsOptions>({
  signature: 'models',
  summary: "Search RunComfy's catalogue of models. Needs the token.",
  examples: [
    'runcomfy-temporal models --search kling',
    'runcomfy-temporal models --category image-to-video --output json',
  ],
  set: (command) =>
    command
      .option('--search <text>', 'in id, name and description')
      .option('--category <name>', 'such as text-to-image or image-to-video')
      .addOption(new Option('--limit <count>', 'at most so many').argParser(parseCount).default(100)),
  act: ({ config, printer }, _args, options) =>
    withRunComfy(config(), async (runcomfy) => {
      const found = await runcomfy.listModels(options);
      printer.print(found, () => {
        const rows = found.models.map((model) => [
          model.modelId,
          priceOf(model),
          model.categories.join(', '),
          cutText(model.pricingNote ?? '', maxNoteLength),
        ]);
        const shown = `${String(found.models.length)} of ${String(found.total)}`;
        return rows.length === 0
          ? 'no model found'
          : `${table(['MODEL', 'PRICE', 'CATEGORIES', 'NOTE'], rows)}\n${shown}`;
      });
      return exitCodes.done;
    }),
});
