import { Option } from 'commander';
import type { ListedPipeline, PipelinePhase } from '../../../client/index.ts';
import { pipelinePhases } from '../../../domain/pipeline/pipeline-run.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { parseCount } from '../../options/option-parsers.ts';
import { addScopeOptions, type ScopeFlags, scopeOf } from '../../options/scope-options.ts';
import { ageOf, labelText, table, usd } from '../../printing/pretty.ts';

interface ListFlags extends ScopeFlags {
  phase?: PipelinePhase;
  limit: number;
}

/** `pipeline list`: the pipelines in Temporal. */
export const addPipelineList = defineCommand<ListFlags>({
  signature: 'list',
  summary: 'List pipelines: first those that run, then those that ended, the newest first. Needs no worker.',
  examples: [
    'runcomfy-temporal pipeline list --phase running',
    'runcomfy-temporal pipeline list --limit 20 --output json',
  ],
  set: (command) => {
    command
      .addOption(new Option('--phase <phase>', 'only in this phase').choices(pipelinePhases))
      .addOption(new Option('--limit <count>', 'at most so many').argParser(parseCount).default(100));
    addScopeOptions(command);
  },
  act: ({ printer, withTemporal }, _args, { phase, limit, ...flags }) => {
    const scope = scopeOf(flags);
    return withTemporal(async ({ generations }) => {
      const found: ListedPipeline[] = [];
      for await (const pipeline of generations.pipelines.list({ phase, limit, ...scope })) found.push(pipeline);
      printer.print({ pipelines: found }, () =>
        found.length === 0
          ? 'no pipelines'
          : table(['KEY', 'PHASE', 'AGE', 'STEPS', 'COST', 'STARTED', 'LABELS'], found.map(rowOf)),
      );
      return exitCodes.done;
    });
  },
});

function rowOf({ key, phase, steps, succeeded, costUsd, startedAt, labels }: ListedPipeline): string[] {
  const counts = steps === undefined ? '' : `${String(succeeded ?? 0)}/${String(steps)}`;
  return [key, phase, ageOf(startedAt), counts, usd(costUsd), startedAt, labelText(labels)];
}
