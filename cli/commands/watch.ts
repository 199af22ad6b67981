import { isTerminal } from '../../client/watch-states.ts';

import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { listenForInterrupts } from '../interrupts.ts';
import { progressLine } from '../pretty.ts';
import { detached } from '../wait-for-end.ts';

/** `watch KEY`: every change of a generation, until it has ended. */
export const addWatch = defineCommand({
  signature: 'watch <key>',
  summary:
    'Show every change of a generation until it has ended; with --output json one state per line. Ctrl-C only stops watching.',
  examples: [
    'runcomfy-temporal watch order-4711',
    'runcomfy-temporal watch order-4711 --output json | jq --unbuffered -r .phase',
  ],
  act: ({ printer, withTemporal }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const handle = await generations.get(key);
      const stop = new AbortController();
      const leave = () => {
        stop.abort(detached(key));
      };
      const stopListening = listenForInterrupts({ onFirst: leave, onDetach: leave });
      const since = Date.now();
      try {
        for await (const state of handle.watch({ signal: stop.signal })) {
          printer.printLine(state, () => progressLine(state, Date.now() - since));
          if (isTerminal(state.phase)) break;
        }
      } finally {
        stopListening();
      }
      await handle.result();
      return exitCodes.done;
    }),
});
