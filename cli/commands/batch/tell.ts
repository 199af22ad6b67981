import { Option } from 'commander';
import { withoutUndefined } from '../../../domain/json.ts';
import { CliError } from '../../cli-error.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { parseCount, parsePositive } from '../../options/option-parsers.ts';
import { fields } from '../../printing/pretty.ts';

/** `batch pause KEY`: stops starting new items. */
export const addBatchPause = defineCommand<{ reason?: string }>({
  signature: 'pause <key>',
  summary: 'Start nothing new in a batch until it is resumed; what runs ends. Needs no worker.',
  examples: ["runcomfy-temporal batch pause clips-1 --reason 'wrong prompt'"],
  set: (command) => command.option('--reason <text>', 'kept with the batch'),
  act: ({ printer, withTemporal }, [key = ''], { reason }) =>
    withTemporal(async ({ generations }) => {
      const reply = await (await generations.batches.get(key)).pause(reason);
      printer.print(reply, () =>
        reply.phase === 'paused' ? `${key} is paused` : `${key} is not paused: it is ${reply.phase}`,
      );
      return exitCodes.done;
    }),
});

/** `batch resume KEY`: continues after a pause. */
export const addBatchResume = defineCommand<{ reason?: string }>({
  signature: 'resume <key>',
  summary: 'Go on with a batch that is paused, whatever the reason. Needs no worker.',
  examples: ['runcomfy-temporal batch resume clips-1'],
  set: (command) => command.option('--reason <text>', "kept in Temporal's history of the batch"),
  act: ({ printer, withTemporal }, [key = ''], { reason }) =>
    withTemporal(async ({ generations }) => {
      const reply = await (await generations.batches.get(key)).resume(reason);
      printer.print(reply, () =>
        reply.phase === 'cancelling' ? `${key} does not go on: it is cancelling` : `${key} goes on`,
      );
      return exitCodes.done;
    }),
});

/** `batch set KEY`: changes the window and the limit. */
export const addBatchSet = defineCommand<{ window?: number; maxCost?: number }>({
  signature: 'set <key>',
  summary: 'Change how many items of a batch may be in flight, or its limit of money; nothing in flight is cancelled.',
  examples: ['runcomfy-temporal batch set clips-1 --window 5', 'runcomfy-temporal batch set clips-1 --max-cost 40'],
  set: (command) =>
    command
      .addOption(new Option('--window <count>', 'how many at a time, 1 to 500').argParser(parseCount))
      .option('--max-cost <usd>', 'start nothing that could take the sum above this', parsePositive),
  act: async ({ printer, withTemporal }, [key = ''], { window, maxCost }) => {
    if (window === undefined && maxCost === undefined) {
      throw new CliError('Usage', 'nothing to set: give --window COUNT or --max-cost USD');
    }
    return await withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const reply = await batch.set(withoutUndefined({ window, maxCostUsd: maxCost }));
      const limit = reply.maxCostUsd === null ? 'none' : `$${String(reply.maxCostUsd)}`;
      printer.print(reply, () =>
        fields([
          ['window', reply.window],
          ['limit', limit],
        ]),
      );
      return exitCodes.done;
    });
  },
});

/** `batch seal KEY`: says that no more items will be added. */
export const addBatchSeal = defineCommand({
  signature: 'seal <key>',
  summary: 'Say that no more items will be added to a batch: it ends once all have ended.',
  examples: ['runcomfy-temporal batch seal clips-1'],
  act: ({ printer, withTemporal }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const reply = await (await generations.batches.get(key)).seal();
      printer.print(reply, () => `${key} is sealed with ${String(reply.count)} items`);
      return exitCodes.done;
    }),
});

/** `batch cancel KEY`: asks all items in flight to cancel and starts no more. */
export const addBatchCancel = defineCommand<{ reason?: string; detach?: boolean }>({
  signature: 'cancel <key>',
  summary:
    'Start nothing more of a batch, ask all in flight to stop, and say what became of all (exit 0 whatever that is).',
  examples: [
    'runcomfy-temporal batch cancel clips-1',
    "runcomfy-temporal batch cancel clips-1 --detach --reason 'wrong prompt'",
  ],
  set: (command) =>
    command
      .option('--reason <text>', 'kept with the batch and its orders')
      .option('--detach', 'do not wait for what RunComfy can no longer stop: it ends under its own key'),
  act: ({ printer, withTemporal }, [key = ''], { reason, detach }) =>
    withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const reply = await batch.cancel(withoutUndefined({ reason, detach }));
      const { cancelled, notCancellable, tooLate, unknown, notSubmitted, neverStarted } = reply.outcome;
      printer.print(reply, () =>
        fields([
          ['phase', reply.phase],
          ['cancelled', cancelled],
          ['not cancellable', notCancellable],
          ['too late', tooLate],
          ['unknown', unknown],
          ['not submitted', notSubmitted],
          ['never started', neverStarted],
        ]),
      );
      return exitCodes.done;
    }),
});
