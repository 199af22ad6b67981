import type { KnownPipelineState } from '../../../client/index.ts';
import { isPipelineEnd } from '../../../domain/pipeline/pipeline-run.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodeAfter, exitCodes } from '../../exit-codes.ts';
import { leaveWith } from '../../interrupts.ts';
import type { Printer } from '../../printing/printer.ts';
import { createRowFilter } from '../../printing/progress-rows.ts';
import { prettyPipeline } from './pretty-pipeline.ts';
import { createPipelineProgress, type PipelineProgress } from './progress.ts';
import { pipelineDetached } from './wait.ts';

/** `pipeline watch KEY`: shows every change of a pipeline until it has ended. */
export const addPipelineWatch = defineCommand({
  signature: 'watch <key>',
  summary:
    'Show every step of a pipeline until it has ended, with --output json one state per line; exits as `pipeline result` would. Ctrl-C only stops watching.',
  examples: [
    'runcomfy-temporal pipeline watch film-1',
    'runcomfy-temporal pipeline watch film-1 --output json | jq --unbuffered -r .phase',
  ],
  act: ({ printer, withTemporal, outputGone }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const pipeline = await generations.pipelines.get(key);
      const { signal, stop } = leaveWith(pipelineDetached(key), outputGone);
      const shown = showStates(key, printer);
      let last: KnownPipelineState | undefined;
      try {
        for await (const state of pipeline.watch({ signal })) {
          last = state;
          shown.show(state);
        }
        shown.stop();
        const end = last;
        if (end && printer.isRead) printer.print(end, () => prettyPipeline(end, key));
        const { phase } = await pipeline.result({ signal });
        return phase === 'partial' ? exitCodes.partial : exitCodes.done;
      } catch (error) {
        return exitCodeAfter(error, last !== undefined && isPipelineEnd(last.phase));
      } finally {
        shown.stop();
        printer.endProgress();
        stop();
      }
    }),
});

/**
 * Prints states as documents for programs, as changing rows on a terminal, and otherwise as a line for each row that
 * changed.
 */
function showStates(key: string, printer: Printer): PipelineProgress {
  if (printer.format === 'json') {
    return {
      show: (state) => {
        printer.printLine(state, () => '');
      },
      stop: () => undefined,
    };
  }
  if (printer.isRead) return createPipelineProgress(key, printer);
  const changed = createRowFilter();
  return createPipelineProgress(key, printer, (rows) => {
    for (const { line } of changed(rows)) printer.printLine({}, () => line);
  });
}
