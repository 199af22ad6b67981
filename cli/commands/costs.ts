import { InvalidArgumentError, Option } from 'commander';
import type { CostQuestion, CostReport, CostRow } from '../../client/index.ts';
import { isLabelName } from '../../domain/labels.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { addScopeOptions, type ScopeFlags, scopeOf } from '../options/scope-options.ts';
import { table } from '../printing/pretty.ts';

interface CostsFlags extends ScopeFlags {
  by: CostQuestion['by'];
}

/** `costs`: what generations have cost, by model, day or label. */
export const addCosts = defineCommand<CostsFlags>({
  signature: 'costs',
  summary:
    'Add up what generations have cost. Each request of RunComfy counts once, whoever ordered or followed it; what has no known cost is counted apart.',
  examples: [
    'runcomfy-temporal costs --by model --since 30d',
    'runcomfy-temporal costs --by label:campaign --since 2026-11-01 --until 2026-12-01 --output json',
  ],
  set: (command) => {
    const by = new Option('--by <what>', 'model, day (UTC, of the start), or label:NAME').argParser(parseBy);
    command.addOption(by.default('model'));
    addScopeOptions(command);
  },
  act: ({ printer, withTemporal }, _args, flags) => {
    const scope = scopeOf(flags);
    return withTemporal(async ({ generations }) => {
      const report = await generations.costs({ by: flags.by, ...scope });
      printer.print(report, () => prettyCosts(report));
      return exitCodes.done;
    });
  },
});

function parseBy(text: string): CostQuestion['by'] {
  if (text === 'model' || text === 'day') return text;
  const label = text.startsWith('label:') ? text.slice('label:'.length) : '';
  if (isLabelName(label)) return `label:${label}`;
  throw new InvalidArgumentError('Expected model, day, or label:NAME.');
}

function prettyCosts({ by, rows, total }: CostReport): string {
  if (rows.length === 0) return 'no requests';
  const heading = by.startsWith('label:') ? by.slice('label:'.length) : by;
  const headings = [heading.toUpperCase(), 'REQUESTS', 'COST', 'PRESUMED', 'FREE', 'UNKNOWN', 'OPEN'];
  return table(headings, [...rows, { group: 'total', ...total }].map(cellsOf));
}

function cellsOf({ group, requests, costUsd, presumedUsd, presumed, free, unknown, open }: CostRow): string[] {
  const guessed = presumed === 0 ? '' : `$${String(presumedUsd)} (${String(presumed)})`;
  return [group, String(requests), `$${String(costUsd)}`, guessed, countOf(free), countOf(unknown), countOf(open)];
}

function countOf(count: number): string {
  return count === 0 ? '' : String(count);
}
