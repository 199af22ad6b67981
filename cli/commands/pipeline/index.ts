import type { CommandAdder } from '../../define-command.ts';
import { addPipelineEstimate } from './estimate.ts';
import { addPipelineValidate } from './validate.ts';

/** `pipeline …`: plans of pipelines. */
export const addPipeline: CommandAdder = (program, run) => {
  const group = program.command('pipeline').description('Plans of pipelines: check them, and see what they cost.');
  for (const add of [addPipelineValidate, addPipelineEstimate]) add(group, run);
};
