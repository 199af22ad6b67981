import { GenerationError } from '../../../client/index.ts';
import { defineCommand } from '../../define-command.ts';
import { addDownloadOptions, type DownloadFlags, prepareDownload } from '../../download/deliver.ts';
import { deliverPipeline, pipelineResultCommand } from './deliver.ts';
import { waitForPipeline } from './wait.ts';

interface ResultFlags extends DownloadFlags {
  wait: boolean;
}

/** `pipeline result KEY`: the result of a pipeline; waits for it by default. */
export const addPipelineResult = defineCommand<ResultFlags>({
  signature: 'result <key>',
  summary: 'Print the result of a pipeline, waiting for it if need be; exits with 2 where it is partial.',
  examples: [
    'runcomfy-temporal pipeline result film-1 --download ./out',
    'runcomfy-temporal pipeline result film-1 --no-wait --output json',
  ],
  set: (command) => {
    command.option('--no-wait', 'fail with exit code 75 while it is still running, or awaits a decision');
    addDownloadOptions(command);
  },
  act: async (context, [key = ''], flags) => {
    await prepareDownload(flags);
    return context.withTemporal(async (connected) => {
      const pipeline = await connected.generations.pipelines.get(key);
      context.followed = { key, command: pipelineResultCommand(key, flags) };
      if (!flags.wait && !(await pipeline.isEnded())) {
        const message = `pipeline "${key}" is still running`;
        throw new GenerationError({ type: 'StillRunning', message, key });
      }
      return await deliverPipeline(context, await waitForPipeline(connected, pipeline, context), flags);
    });
  },
});
