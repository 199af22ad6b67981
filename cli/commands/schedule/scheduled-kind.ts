import { Command, CommanderError } from 'commander';
import type { NewSchedule, ScheduleTiming } from '../../../client/index.ts';
import { CliError } from '../../cli-error.ts';
import type { CommandContext } from '../../command-context.ts';
import { toUsageError } from '../../usage-error.ts';

/** What a schedule orders, with its priority, tenant and labels. */
export type WhatIsOrdered = Omit<NewSchedule, 'name' | keyof ScheduleTiming>;

/** A command whose order can be scheduled. */
export interface ScheduledKind {
  /** The words that name the command. */
  words: readonly string[];
  /** Parses the rest of its command line as the command itself would. */
  read: (context: CommandContext, rest: string[]) => Promise<WhatIsOrdered>;
}

interface KindDefinition<Flags extends object> {
  words: readonly string[];
  /** The command's only argument, in commander's syntax. */
  argument: string;
  /** Adds all options of the command. */
  set: (command: Command) => void;
  /** The options that describe the order. The others say how it is followed, and are refused. */
  orderFlags: readonly (keyof Flags & string)[];
  toOrder: (context: CommandContext, argument: string, flags: Flags) => Promise<WhatIsOrdered>;
}

/** Creates a kind from the parts of its command. */
export function defineKind<Flags extends object>({
  words,
  argument,
  set,
  orderFlags,
  toOrder,
}: KindDefinition<Flags>): ScheduledKind {
  return {
    words,
    read: async (context, rest) => {
      const parser = new Command(words.join(' '))
        .argument(argument)
        .helpOption(false)
        .exitOverride()
        .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
        .action(() => undefined);
      set(parser);
      for (const option of parser.options) option.makeOptionMandatory(false);
      try {
        parser.parse(rest, { from: 'user' });
      } catch (error) {
        throw error instanceof CommanderError ? toUsageError(error) : error;
      }
      refuseOthers(parser, orderFlags);
      return await toOrder(context, parser.args[0] ?? '', parser.opts<Flags>());
    },
  };
}

function refuseOthers(parser: Command, allowed: readonly string[]): void {
  const given = parser.options.filter((option) => parser.getOptionValueSource(option.attributeName()) === 'cli');
  const others = given.filter((option) => !allowed.includes(option.attributeName())).map(({ long }) => long ?? '');
  if (others.length === 0) return;
  const keys = others.includes('--key') ? '; its keys are the name of the schedule and the time of the firing' : '';
  const message = `${others.join(', ')}: not for a scheduled order, which is made anew each time, with nobody to ask or to wait${keys}`;
  throw new CliError('Usage', message);
}
