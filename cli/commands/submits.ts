import { pauseSubmits, readSubmits, resumeSubmits, type SubmitFlow } from '../../client/operator/index.ts';
import { type CommandAdder, defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';

const addPause = defineCommand<{ reason?: string }>({
  signature: 'pause',
  summary: 'Send no more orders to RunComfy, whichever worker holds them; what was sent goes on and is delivered.',
  examples: ["runcomfy-temporal submits pause --reason 'the new prompt orders nonsense'"],
  set: (command) => command.option('--reason <text>', 'kept with the pause, shown to all who wait'),
  act: ({ printer, config, withTemporal }, _args, { reason }) =>
    withTemporal(async ({ client }) => {
      const flow = await pauseSubmits(client, config().taskQueue, reason);
      printer.print(flow, () => prettyFlow(flow));
      return exitCodes.done;
    }),
});

const addResume = defineCommand({
  signature: 'resume',
  summary: 'Send orders again, at the rate that was set before the pause, if any.',
  examples: ['runcomfy-temporal submits resume'],
  act: ({ printer, config, withTemporal }) =>
    withTemporal(async ({ client }) => {
      const flow = await resumeSubmits(client, config().taskQueue);
      printer.print(flow, () => prettyFlow(flow));
      return exitCodes.done;
    }),
});

const addStatus = defineCommand({
  signature: 'status',
  summary: 'Say whether orders go out, since when not and why, at which limit, and how many wait.',
  examples: ['runcomfy-temporal submits status'],
  act: ({ printer, config, withTemporal }) =>
    withTemporal(async ({ client }) => {
      const flow = await readSubmits(client, config().taskQueue);
      printer.print(flow, () => prettyFlow(flow));
      return exitCodes.done;
    }),
});

/** `submits …`: the emergency stop for all orders of a task queue. */
export const addSubmits: CommandAdder = (program, run) => {
  const group = program
    .command('submits')
    .description('The emergency stop: pause and resume the orders of all workers.');
  for (const add of [addPause, addResume, addStatus]) add(group, run);
};

function prettyFlow({ taskQueue, isPaused, pausedSince, pausedBy, reason, perSecond, waiting }: SubmitFlow): string {
  const rate = perSecond === undefined ? 'no limit of rate' : `at most ${String(perSecond)} a second`;
  const orders = `${String(waiting)} ${waiting === 1 ? 'order waits' : 'orders wait'}`;
  if (!isPaused) return `orders on "${taskQueue}" go out (${rate}); ${orders} for a worker`;
  const by = pausedBy === undefined ? '' : ` by ${pausedBy}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  const more = waiting > 0 ? '; more may come back after a refusal' : '';
  return [
    `orders on "${taskQueue}" are paused since ${pausedSince ?? 'an unknown time'}${by}${why}`,
    `${orders}${more}; \`runcomfy-temporal submits resume\` sends them (${rate})`,
  ].join('\n');
}
