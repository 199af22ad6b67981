import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { prettyState, taskFailureWords } from '../printing/pretty-state.ts';
import { exitCodeOfState } from '../state-exit-code.ts';

/** `status KEY`: the state of a generation. */
export const addStatus = defineCommand({
  signature: 'status <key>',
  summary: 'Show where a generation stands; without a worker, what Temporal itself knows (exit 69).',
  examples: ['runcomfy-temporal status order-4711', 'runcomfy-temporal status order-4711 --output json | jq -r .phase'],
  act: ({ printer, withTemporal }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const state = await (await generations.get(key)).state();
      printer.print(state, () => prettyState(state, key));
      const failing = state.isFromServer ? taskFailureWords(state) : undefined;
      if (failing === undefined) return exitCodeOfState(state, printer);
      printer.note(`workers cannot go on with it, ${failing}: look at their logs, codec keys and version`);
      return exitCodes.unavailable;
    }),
});
