import { favourMemory } from '../../../setup/favour-memory.ts';
import type { CommandAdder } from '../../define-command.ts';
import { addBatchAdd } from './add.ts';
import { addBatchEstimate, addBatchValidate } from './check.ts';
import { addBatchStatus, addBatchWatch } from './follow.ts';
import { addBatchItems, addBatchList, addBatchResults } from './read.ts';
import { addBatchRun } from './run.ts';
import { addBatchCancel, addBatchPause, addBatchResume, addBatchSeal, addBatchSet } from './tell.ts';

const commands = [
  addBatchRun,
  addBatchStatus,
  addBatchWatch,
  addBatchResults,
  addBatchItems,
  addBatchPause,
  addBatchResume,
  addBatchSet,
  addBatchAdd,
  addBatchSeal,
  addBatchCancel,
  addBatchList,
  addBatchValidate,
  addBatchEstimate,
];

/** `batch …`: thousands of orders as one, a limited number at a time. */
export const addBatch: CommandAdder = (program, run) => {
  const group = program
    .command('batch')
    .description('thousands of orders from one file, so many at a time: one line for each, no item twice')
    .helpCommand(false)
    .hook('preAction', favourMemory);
  for (const add of commands) add(group, run);
};
