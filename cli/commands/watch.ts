import { isTerminal, type KnownState } from '../../client/index.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodeAfter, exitCodes } from '../exit-codes.ts';
import { leaveWith } from '../interrupts.ts';
import { progressLine } from '../printing/pretty-state.ts';
import { detached } from '../wait-for-end.ts';

/** `watch KEY`: shows every change of a generation until it has ended. */
export const addWatch = defineCommand({
  signature: 'watch <key>',
  summary:
    'Show every change of a generation until it has ended, with --output json one state per line; exits as `result` would. Ctrl-C only stops watching.',
  examples: [
    'runcomfy-temporal watch order-4711',
    'runcomfy-temporal watch order-4711 --output json | jq --unbuffered -r .phase',
  ],
  act: ({ printer, withTemporal, outputGone }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const handle = await generations.get(key);
      const leaving = leaveWith(detached(key), outputGone);
      const since = Date.now();
      let last: KnownState | undefined;
      let isEndShown = false;
      try {
        for await (const state of handle.watch({ signal: leaving.signal, isPerson: printer.isRead })) {
          last = state;
          printer.printLine(state, () => progressLine(state, Date.now() - since));
          isEndShown = isTerminal(state.phase);
          if (isEndShown) break;
        }
      } finally {
        leaving.stop();
      }
      if (last?.phase === 'succeeded') return exitCodes.done;
      try {
        await handle.result();
        return exitCodes.done;
      } catch (error) {
        return exitCodeAfter(error, isEndShown);
      }
    }),
});
