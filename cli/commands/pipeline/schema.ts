import { planSchema } from '../../../plans/plan-schema.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';

/** `pipeline schema`: the JSON Schema of a plan, for editors. */
export const addPipelineSchema = defineCommand({
  signature: 'schema',
  summary: 'Print the JSON Schema (2020-12) of a plan, by which editors complete and check it.',
  examples: ['runcomfy-temporal pipeline schema > pipeline-plan.schema.json'],
  act: ({ printer }) => {
    const schema = planSchema();
    printer.print(schema, () => JSON.stringify(schema, undefined, 2));
    return Promise.resolve(exitCodes.done);
  },
});
