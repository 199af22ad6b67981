import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { describeOutcome } from '../printing/pretty.ts';

/** `cancel KEY`: asks RunComfy to stop and reports the outcome. */
export const addCancel = defineCommand<{ reason?: string }>({
  signature: 'cancel <key>',
  summary: 'Ask RunComfy to stop a generation and say what became of it (exit 0 whatever the outcome).',
  examples: ['runcomfy-temporal cancel order-4711', "runcomfy-temporal cancel order-4711 --reason 'wrong image'"],
  set: (command) => command.option('--reason <text>', 'kept with the generation'),
  act: ({ printer, withTemporal }, [key = ''], { reason }) =>
    withTemporal(async ({ generations }) => {
      const { outcome, phase } = await (await generations.get(key)).cancel(reason);
      printer.print({ outcome, phase }, () => `${outcome}: ${describeOutcome(outcome)} (phase ${phase})`);
      return exitCodes.done;
    }),
});
