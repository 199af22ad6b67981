import type { ListedSchedule, ScheduleClient, ScheduleState } from '../../../client/index.ts';
import type { CommandContext } from '../../command-context.ts';
import { type CommandAdder, defineCommand } from '../../define-command.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';
import { addScheduleCreate } from './create.ts';
import { prettySchedule, prettySchedules } from './pretty-schedule.ts';

const addList = defineCommand({
  signature: 'list',
  summary: 'List the schedules; one that was made or changed a moment ago may still be missing.',
  examples: ['runcomfy-temporal schedule list'],
  act: ({ printer, withTemporal }) =>
    withTemporal(async ({ generations }) => {
      const schedules: ListedSchedule[] = [];
      for await (const schedule of generations.schedules.list()) schedules.push(schedule);
      printer.print({ schedules }, () => prettySchedules(schedules));
      return exitCodes.done;
    }),
});

const addShow = defineCommand({
  signature: 'show <name>',
  summary: 'Show when a schedule fires, what it has started, and what of it still runs. Needs no worker.',
  examples: ['runcomfy-temporal schedule show nightly', 'runcomfy-temporal schedule show nightly --output json'],
  act: (context, [name = '']) => withSchedules(context, ({ get }) => get(name)),
});

const addPause = defineCommand<{ reason?: string }>({
  signature: 'pause <name>',
  summary: 'Fire no more until it is resumed; what runs goes on.',
  examples: ["runcomfy-temporal schedule pause nightly --reason 'for the holidays'"],
  set: (command) => command.option('--reason <text>', 'kept with the schedule'),
  act: (context, [name = ''], { reason }) => withSchedules(context, ({ pause }) => pause(name, reason)),
});

const addResume = defineCommand({
  signature: 'resume <name>',
  summary: 'Fire again. What was due meanwhile is not made up for.',
  examples: ['runcomfy-temporal schedule resume nightly'],
  act: (context, [name = '']) => withSchedules(context, ({ resume }) => resume(name)),
});

const addTrigger = defineCommand({
  signature: 'trigger <name>',
  summary: 'Fire once now, also while it is paused or the last firing still runs.',
  examples: ['runcomfy-temporal schedule trigger nightly'],
  act: (context, [name = '']) => withSchedules(context, ({ trigger }) => trigger(name)),
});

const addDelete = defineCommand({
  signature: 'delete <name>',
  summary: 'End a schedule; what runs goes on.',
  examples: ['runcomfy-temporal schedule delete nightly'],
  act: async ({ printer, withTemporal }, [name = '']) => {
    await withTemporal(({ generations }) => generations.schedules.delete(name));
    printer.print({ name }, () => `${name} is deleted; what it has started goes on`);
    return exitCodes.done;
  },
});

const commands = [addScheduleCreate, addList, addShow, addPause, addResume, addTrigger, addDelete];

/** `schedule …`: recurring orders. */
export const addSchedule: CommandAdder = (program, run) => {
  const group = program
    .command('schedule')
    .description('Schedules: order generations, pipelines and batches again and again, on Temporal.');
  for (const add of commands) add(group, run);
};

async function withSchedules(
  { printer, withTemporal }: CommandContext,
  act: (schedules: ScheduleClient) => Promise<ScheduleState>,
): Promise<ExitCode> {
  const state = await withTemporal(({ generations }) => act(generations.schedules));
  printer.print(state, () => prettySchedule(state));
  return exitCodes.done;
}
