import { type Command, Option } from 'commander';
import type { StartPriority } from '../../client/index.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { parsePositive, parseWhole } from './option-parsers.ts';

/** Priority as given on the command line. */
export interface PriorityFlags {
  priority?: number;
  tenant?: string;
  weight?: number;
}

/** Adds `--priority`, `--tenant` and `--weight`. */
export function addPriorityOptions(command: Command, normal = 3): void {
  const what = `who goes first where orders wait: 1 before 5; default ${String(normal)}`;
  command
    .addOption(new Option('--priority <1-5>', what).argParser(parseWhole))
    .option('--tenant <name>', 'for whom: tenants take turns within one priority')
    .addOption(
      new Option('--weight <number>', "the tenant's share beside the others; default 1").argParser(parsePositive),
    );
}

/** The flags in the client's form; the client checks them. */
export function priorityOf({ priority, tenant, weight }: PriorityFlags): StartPriority {
  return withoutUndefined({ priority: priority as StartPriority['priority'], tenant, weight });
}
