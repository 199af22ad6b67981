import { isGenerationError } from '../../../client/index.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodeOf, exitCodes } from '../../exit-codes.ts';
import { catchInterrupts } from '../../interrupts.ts';
import { pipelineLine } from './pretty-pipeline.ts';
import { pipelineDetached } from './wait.ts';

/** `pipeline watch KEY`: every change of a pipeline, until it has ended. */
export const addPipelineWatch = defineCommand({
  signature: 'watch <key>',
  summary:
    'Show every change of a pipeline until it has ended, with --output json one state per line; exits as `pipeline result` would. Ctrl-C only stops watching.',
  examples: [
    'runcomfy-temporal pipeline watch film-1',
    'runcomfy-temporal pipeline watch film-1 --output json | jq --unbuffered -r .phase',
  ],
  act: ({ printer, withTemporal, outputGone }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const pipeline = await generations.pipelines.get(key);
      const stop = new AbortController();
      const leave = () => {
        stop.abort(pipelineDetached(key));
      };
      const interrupts = catchInterrupts();
      interrupts.answer({ onFirst: leave, onDetach: leave });
      outputGone.addEventListener('abort', leave);
      const since = Date.now();
      try {
        for await (const state of pipeline.watch({ signal: stop.signal })) {
          printer.printLine(state, () => pipelineLine(state, Date.now() - since));
        }
        const { phase } = await pipeline.result({ signal: stop.signal });
        return phase === 'partial' ? exitCodes.partial : exitCodes.done;
      } catch (error) {
        // The last line has said how it ended: what is left is the code.
        if (isGenerationError(error) && error.type !== 'StillRunning') return exitCodeOf(error.type);
        throw error;
      } finally {
        interrupts.stop();
      }
    }),
});
