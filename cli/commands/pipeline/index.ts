import type { CommandAdder } from '../../define-command.ts';
import { addPipelineCancel } from './cancel.ts';
import { addPipelineApprove, addPipelineReject } from './decide.ts';
import { addPipelineEstimate } from './estimate.ts';
import { addPipelineList } from './list.ts';
import { addPipelineResult } from './result.ts';
import { addPipelineRun } from './run.ts';
import { addPipelineSchema } from './schema.ts';
import { addPipelineStatus } from './status.ts';
import { addPipelineValidate } from './validate.ts';
import { addPipelineWatch } from './watch.ts';

const commands = [
  addPipelineRun,
  addPipelineStatus,
  addPipelineWatch,
  addPipelineResult,
  addPipelineCancel,
  addPipelineApprove,
  addPipelineReject,
  addPipelineList,
  addPipelineValidate,
  addPipelineEstimate,
  addPipelineSchema,
];

/** `pipeline …`: plans of generations that belong together. */
export const addPipeline: CommandAdder = (program, run) => {
  const group = program
    .command('pipeline')
    .description('Pipelines: run plans of generations, follow and decide them; check plans, and see what they cost.');
  for (const add of commands) add(group, run);
};
