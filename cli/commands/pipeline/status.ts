import { defineCommand } from '../../define-command.ts';
import { exitCodeOfState } from '../../state-exit-code.ts';
import { prettyPipeline } from './pretty-pipeline.ts';

/** `pipeline status KEY`: the state of a pipeline and its steps. */
export const addPipelineStatus = defineCommand({
  signature: 'status <key>',
  summary:
    'Show where a pipeline and its open generations stand; without a worker, what Temporal itself knows (exit 69).',
  examples: [
    'runcomfy-temporal pipeline status film-1',
    "runcomfy-temporal pipeline status film-1 --output json | jq '.steps[] | {id, phase}'",
  ],
  act: ({ printer, withTemporal }, [key = '']) =>
    withTemporal(async ({ generations }) => {
      const state = await (await generations.pipelines.get(key)).state();
      printer.print(state, () => prettyPipeline(state, key));
      return exitCodeOfState(state, printer);
    }),
});
