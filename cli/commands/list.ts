import { Option } from 'commander';
import type { ListedGeneration } from '../../client/index.ts';
import { type Phase, phases } from '../../domain/generation.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount } from '../option-parsers.ts';
import { table } from '../pretty.ts';

interface ListOptions {
  model?: string;
  phase?: Phase;
  limit: number;
}

/** `list`: the generations that Temporal keeps, first those that run, then those that ended. */
export const addList = defineCommand<ListOptions>({
  signature: 'list',
  summary:
    'List generations: first those that run, the newest start first, then those that ended, the newest end first.',
  examples: [
    'runcomfy-temporal list --phase submission_unknown',
    'runcomfy-temporal list --model kling/kling-3.0/standard/image-to-video --limit 20 --output json',
  ],
  set: (command) =>
    command
      .option('--model <id>', 'only of this model')
      .addOption(new Option('--phase <phase>', 'only in this phase').choices(phases))
      .addOption(new Option('--limit <count>', 'at most so many').argParser(parseCount).default(100)),
  act: ({ printer, withTemporal }, _args, filter) =>
    withTemporal(async ({ generations }) => {
      const found: ListedGeneration[] = [];
      for await (const generation of generations.list(filter)) found.push(generation);
      printer.print({ generations: found }, () =>
        found.length === 0
          ? 'no generations'
          : table(
              ['KEY', 'PHASE', 'MODEL', 'STARTED', 'REQUEST'],
              found.map(({ key, phase, model, startedAt, requestId = '' }) => [
                key,
                phase,
                model,
                startedAt,
                requestId,
              ]),
            ),
      );
      return exitCodes.done;
    }),
});
