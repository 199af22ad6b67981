import { type Command, Option } from 'commander';
import type { ListScope } from '../../client/index.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { addLabelOption, type LabelFlags, labelsOf } from './label-option.ts';
import { parseMoment } from './option-parsers.ts';

/** The filters of a list as given on the command line. */
export interface ScopeFlags extends LabelFlags {
  since?: Date;
  until?: Date;
  keyPrefix?: string;
}

/** Adds `--label`, `--since`, `--until` and `--key-prefix`. */
export function addScopeOptions(command: Command): void {
  addLabelOption(command, 'only what carries this label; can be repeated');
  const when = 'a time (2026-11-26, 2026-11-26T08:00Z), or so long ago (90m, 7d)';
  command
    .addOption(new Option('--since <when>', `only what was started then or later: ${when}`).argParser(parseMoment))
    .addOption(new Option('--until <when>', 'only what was started before').argParser(parseMoment))
    .option('--key-prefix <text>', 'only keys that begin so');
}

/** The flags in the client's form. */
export function scopeOf(flags: ScopeFlags): ListScope {
  const { since, until, keyPrefix } = flags;
  return { ...withoutUndefined({ since, until, keyPrefix }), ...labelsOf(flags) };
}
