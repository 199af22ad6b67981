import type { Command } from 'commander';

/** Adds `--budget`, which may be given several times. */
export function addBudgetOption(command: Command): void {
  command.option(
    '--budget <name>',
    'reserve the price in this budget before anything is sent; can be repeated',
    (name: string, others: string[] | undefined) => [...(others ?? []), name],
  );
}
