import { Option } from 'commander';
import type { ListedGeneration } from '../../client/index.ts';
import { type Phase, phases } from '../../domain/generation.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount } from '../options/option-parsers.ts';
import { addScopeOptions, type ScopeFlags, scopeOf } from '../options/scope-options.ts';
import { ageOf, labelText, table, usd } from '../printing/pretty.ts';

interface ListOptions extends ScopeFlags {
  model?: string;
  phase?: Phase;
  limit: number;
}

/** `list`: the generations in Temporal, running ones first. */
export const addList = defineCommand<ListOptions>({
  signature: 'list',
  summary:
    'List generations: first those that run, the newest start first, then those that ended, the newest end first.',
  examples: [
    'runcomfy-temporal list --phase submission_unknown',
    'runcomfy-temporal list --label campaign=autumn --since 7d',
    'runcomfy-temporal list --model kling/kling-3.0/standard/image-to-video --limit 20 --output json',
  ],
  set: (command) => {
    command
      .option('--model <id>', 'only of this model')
      .addOption(new Option('--phase <phase>', 'only in this phase').choices(phases))
      .addOption(new Option('--limit <count>', 'at most so many').argParser(parseCount).default(100));
    addScopeOptions(command);
  },
  act: ({ printer, withTemporal }, _args, { model, phase, limit, ...flags }) => {
    const scope = scopeOf(flags);
    return withTemporal(async ({ generations }) => {
      const found: ListedGeneration[] = [];
      for await (const generation of generations.list({ model, phase, limit, ...scope })) found.push(generation);
      printer.print({ generations: found }, () =>
        found.length === 0
          ? 'no generations'
          : table(
              ['KEY', 'PHASE', 'AGE', 'COST', 'MODEL', 'STARTED', 'REQUEST', 'LABELS'],
              found.map(({ key, phase, costUsd, model, startedAt, requestId = '', labels }) => [
                key,
                phase,
                ageOf(startedAt),
                usd(costUsd),
                model,
                startedAt,
                requestId,
                labelText(labels),
              ]),
            ),
      );
      return exitCodes.done;
    });
  },
});
