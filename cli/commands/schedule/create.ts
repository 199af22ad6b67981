import { Option } from 'commander';
import { type ScheduleOverlap, scheduleOverlaps } from '../../../client/index.ts';
import { CliError } from '../../cli-error.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { parseFutureMoment, parseStretch } from '../../options/option-parsers.ts';
import { prettySchedule } from './pretty-schedule.ts';
import { readScheduledOrder } from './scheduled-kinds.ts';

interface CreateFlags {
  every?: number;
  cron?: string;
  timezone?: string;
  jitter?: number;
  overlap?: ScheduleOverlap;
  catchUp?: number;
  until?: Date;
}

/** `schedule create NAME … -- ORDER`: creates a schedule from the command line of an ordinary order. */
export const addScheduleCreate = defineCommand<CreateFlags>({
  signature: 'create <name> [order...]',
  summary:
    'Order again and again. What is ordered stands behind --, as it is ordered once: generate, pipeline run or batch run, under a limit of money.',
  examples: [
    `runcomfy-temporal schedule create stills --every 6h -- generate blackforestlabs/flux-2/flash/text-to-image --input '{"prompt":"a lighthouse"}' --max-cost 0.05`,
    "runcomfy-temporal schedule create film --cron '0 8 * * 1-5' --timezone Europe/Berlin -- pipeline run film.yaml --budget team-a",
    'runcomfy-temporal schedule create nightly --every 1d --jitter 5m --until 30d -- batch run products.csv --max-cost 20',
  ],
  set: (command) => {
    const stretch = (flags: string, summary: string) =>
      command.addOption(new Option(flags, summary).argParser(parseStretch));
    stretch('--every <time>', 'how often, e.g. 6h');
    command
      .option('--cron <fields>', "instead: when, as five fields of crontab, e.g. '0 8 * * 1-5'")
      .option('--timezone <name>', 'of --cron, e.g. Europe/Berlin; default UTC');
    stretch('--jitter <time>', 'each firing comes up to so much later, e.g. 5m');
    command.addOption(
      new Option('--overlap <policy>', 'where the last firing still runs; default skip').choices(scheduleOverlaps),
    );
    stretch('--catch-up <time>', 'firings that an outage made the server miss are made up for so long; default 1m');
    command.addOption(
      new Option('--until <time>', 'fire no more from then on: a time, or in how long').argParser(parseFutureMoment),
    );
  },
  act: async (context, [name = '', ...line], { every, cron, timezone, jitter, overlap, catchUp, until }) => {
    if ((every === undefined) === (cron === undefined)) {
      throw new CliError('Usage', "when it fires is to be said once: give --every TIME or --cron 'FIELDS'");
    }
    if (timezone !== undefined && cron === undefined)
      throw new CliError('Usage', '--timezone is of use with --cron only');
    const ordered = await readScheduledOrder(context, line);
    const timing = { everyMs: every, cron, timezone, jitterMs: jitter, overlap, catchUpMs: catchUp, until };
    const state = await context.withTemporal(({ generations }) =>
      generations.schedules.create({ name, ...timing, ...ordered }),
    );
    context.printer.print(state, () => prettySchedule(state));
    return exitCodes.done;
  },
});
