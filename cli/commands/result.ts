import { GenerationError } from '../../client/index.ts';
import { defineCommand } from '../define-command.ts';
import {
  addDownloadOptions,
  deliver,
  type DownloadFlags,
  prepareDownload,
  resultCommand,
} from '../download/deliver.ts';
import { waitForEnd } from '../wait-for-end.ts';

interface ResultOptions extends DownloadFlags {
  wait: boolean;
  late?: boolean;
}

/** `result KEY`: the result of a generation; waits for it by default. */
export const addResult = defineCommand<ResultOptions>({
  signature: 'result <key>',
  summary: 'Print the result of a generation, waiting for it if need be.',
  examples: [
    'runcomfy-temporal result order-4711 --download ./out',
    'runcomfy-temporal result order-4711 --no-wait --output json',
    'runcomfy-temporal result order-4711 --late   # what RunComfy made of it after it was detached or timed out here',
  ],
  set: (command) => {
    command
      .option('--no-wait', 'fail with exit code 75 while it is still running')
      .option(
        '--late',
        'take over the request of a generation that has ended without its result, as generation KEY/late',
      );
    addDownloadOptions(command);
  },
  act: async (context, [key = ''], options) => {
    await prepareDownload(options);
    return context.withTemporal(async (connected) => {
      const { generations } = connected;
      const handle = options.late ? await generations.collectLate(key) : await generations.get(key);
      context.followed = { key: handle.key, command: resultCommand(handle.key, options) };
      for (const notice of handle.notices) context.printer.note(`note: ${notice}`);
      if (!options.wait && !(await handle.isEnded())) {
        throw new GenerationError({
          type: 'StillRunning',
          message: `generation "${handle.key}" is still running`,
          key: handle.key,
        });
      }
      return deliver(context, handle, await waitForEnd(connected, handle, context), options);
    });
  },
});
