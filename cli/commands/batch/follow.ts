import { isBatchEnd } from '../../../domain/batch/batch.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodeAfter } from '../../exit-codes.ts';
import { leaveWith } from '../../interrupts.ts';
import { exitCodeOfState } from '../../state-exit-code.ts';
import { batchLine, prettyBatch } from './pretty-batch.ts';
import { batchDetached, exitCodeOfBatch, pausedForGood } from './wait.ts';
import { warnOfRetention } from './warn-of-retention.ts';

/** `batch status KEY`: the state of a batch. */
export const addBatchStatus = defineCommand({
  signature: 'status <key>',
  summary: 'Show where a batch stands; without a worker, what Temporal itself knows (exit 69).',
  examples: [
    'runcomfy-temporal batch status clips-1',
    'runcomfy-temporal batch status clips-1 --output json | jq .counts',
  ],
  act: ({ printer, withTemporal }, [key = '']) =>
    withTemporal(async ({ generations, client }) => {
      const state = await (await generations.batches.get(key)).state();
      printer.print(state, () => prettyBatch(state, key));
      await warnOfRetention(client, { printer }, state);
      return exitCodeOfState(state, printer);
    }),
});

/** `batch watch KEY`: shows every change of a batch until it has ended or has paused itself. */
export const addBatchWatch = defineCommand({
  signature: 'watch <key>',
  summary:
    'Show every change of a batch until it has ended or has paused itself, with --output json one state per line; exits as `batch run` would. Ctrl-C only stops watching.',
  examples: ['runcomfy-temporal batch watch clips-1'],
  act: ({ printer, withTemporal, outputGone }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const batch = await generations.batches.get(key);
      const { signal, stop } = leaveWith(batchDetached(key), outputGone);
      const since = Date.now();
      let isEndShown = false;
      try {
        for await (const state of batch.watch({ signal })) {
          printer.printLine(state, () => batchLine(state, Date.now() - since));
          isEndShown = isBatchEnd(state.phase);
          const paused = pausedForGood(key, state);
          if (paused) throw paused;
        }
        return exitCodeOfBatch(await batch.result({ signal }));
      } catch (error) {
        return exitCodeAfter(error, isEndShown);
      } finally {
        stop();
      }
    }),
});
