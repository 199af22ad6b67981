import type { PipelineScript, RunScript, StepScript } from './script.ts';

const model: StepScript = {
  kind: 'model',
  sources: [],
  reads: 'first',
  items: undefined,
  maxParallel: 1,
  isWanted: undefined,
  runsWhen: 'succeeded',
  onFailure: 'fail',
  fallbacks: 0,
  attempts: 1,
  mayPayTwice: false,
  onDeadline: 'approve',
};
const approval: StepScript = { ...model, kind: 'approval' };
const run: RunScript = { edited: undefined, orderAgain: false, isGone: false, cancels: [], decisions: [] };
const script: PipelineScript = {
  steps: [model],
  runs: [run],
  fates: ['succeeds'],
  maxParallel: 3,
  maxCostUsd: undefined,
  deadlineMs: undefined,
  tasksPerRun: 1_000,
  lostAnswers: [],
};

/** Plans that broke a promise, or its check, once. */
export const keptPlans: readonly { what: string; seed: number; script: PipelineScript }[] = [
  {
    what: 'a workflow is cancelled in the task in which it continues as new, while an approval is awaited',
    seed: 8538,
    script: {
      ...script,
      steps: [
        { ...approval, maxParallel: 3, runsWhen: 'ended', onFailure: 'continue', attempts: 2, mayPayTwice: true },
        {
          ...model,
          sources: [0],
          reads: 'number',
          items: ['y'],
          maxParallel: 2,
          isWanted: true,
          fallbacks: 2,
          attempts: 3,
          onDeadline: 'reject',
        },
        { ...model, runsWhen: 'ended', mayPayTwice: true },
        { ...approval, sources: [2, 1], reads: 'number', runsWhen: 'ended', attempts: 2, onDeadline: 'reject' },
        { ...model, sources: [1, 3], reads: 'needs', runsWhen: 'ended', attempts: 2, onDeadline: 'reject' },
      ],
      runs: [
        {
          ...run,
          edited: 1,
          cancels: [{ afterMs: 34469, way: 'workflow', detach: false }],
          decisions: [
            { afterMs: 48051, step: 2, way: 'update', decision: 'approve', choose: 3 },
            { afterMs: 5168, step: 4, way: 'update', decision: 'junk', choose: 0 },
          ],
        },
        {
          ...run,
          edited: 1,
          decisions: [
            { afterMs: 51471, step: 3, way: 'signal', decision: 'approve', choose: 3 },
            { afterMs: 12738, step: 2, way: 'update', decision: 'reject', choose: 2 },
            { afterMs: 14003, step: 1, way: 'update', decision: 'approve', choose: 3 },
            { afterMs: 7872, step: 3, way: 'signal', decision: 'junk', choose: 2 },
            { afterMs: 21928, step: 0, way: 'update', decision: 'approve', choose: 0 },
          ],
        },
      ],
      tasksPerRun: 5,
    },
  },
  {
    what: 'a workflow is cancelled in the task in which it continues as new, before its last step',
    seed: 8872,
    script: {
      ...script,
      steps: [
        { ...model, maxParallel: 2, isWanted: true, runsWhen: 'ended', fallbacks: 2, attempts: 3, mayPayTwice: true },
        { ...approval, maxParallel: 2, runsWhen: 'ended', onFailure: 'continue', attempts: 2 },
        {
          ...approval,
          sources: [0],
          maxParallel: 4,
          isWanted: true,
          runsWhen: 'ended',
          onFailure: 'continue',
          attempts: 3,
        },
        { ...model, sources: [2], reads: 'number', maxParallel: 2, isWanted: false, mayPayTwice: true },
        { ...model, sources: [0, 1], maxParallel: 2, attempts: 3, mayPayTwice: true, onDeadline: 'reject' },
      ],
      runs: [
        { ...run, edited: 2, isGone: true, cancels: [{ afterMs: 21317, way: 'workflow', detach: false }] },
        {
          ...run,
          edited: 4,
          decisions: [
            { afterMs: 2997, step: 0, way: 'update', decision: 'approve', choose: 3 },
            { afterMs: 40117, step: 1, way: 'signal', decision: 'junk', choose: 2 },
            { afterMs: 17725, step: 1, way: 'signal', decision: 'junk', choose: 0 },
          ],
        },
      ],
      fates: ['succeeds without a cost', 'succeeds', 'succeeds', 'succeeds'],
      maxCostUsd: 0.1,
      deadlineMs: 45000,
      tasksPerRun: 3,
      lostAnswers: [1, 5],
    },
  },
  {
    what: 'a file that was gone is to be had again, and the newest of its order is used',
    seed: 8124,
    script: {
      ...script,
      steps: [
        { ...model, items: ['x', 'y'], runsWhen: 'ended', onFailure: 'continue', fallbacks: 1 },
        { ...model, sources: [0], reads: 'needs', isWanted: false, onDeadline: 'reject' },
        { ...model, sources: [0], attempts: 2 },
        { ...model, sources: [1], reads: 'needs', maxParallel: 3 },
      ],
      runs: [
        {
          ...run,
          edited: 4,
          orderAgain: true,
          cancels: [{ afterMs: 23991, way: 'signal', detach: false }],
          decisions: [
            { afterMs: 47882, step: 2, way: 'update', decision: 'approve', choose: 2 },
            { afterMs: 23110, step: 4, way: 'signal', decision: 'reject', choose: 3 },
            { afterMs: 25262, step: 1, way: 'update', decision: 'approve', choose: 3 },
          ],
        },
        {
          ...run,
          edited: 1,
          isGone: true,
          decisions: [
            { afterMs: 9838, step: 4, way: 'signal', decision: 'junk', choose: 1 },
            { afterMs: 8032, step: 2, way: 'signal', decision: 'junk', choose: 2 },
            { afterMs: 18550, step: 4, way: 'update', decision: 'junk', choose: 1 },
          ],
        },
        {
          ...run,
          orderAgain: true,
          decisions: [{ afterMs: 44144, step: 1, way: 'update', decision: 'approve', choose: 2 }],
        },
      ],
      maxParallel: 2,
    },
  },
  {
    what: 'a run again uses the fallback that settled a step whose first form was refused',
    seed: 8286,
    script: {
      ...script,
      steps: [
        {
          ...model,
          reads: 'needs',
          items: 'files',
          maxParallel: 2,
          isWanted: true,
          runsWhen: 'ended',
          fallbacks: 1,
          attempts: 2,
          onDeadline: 'reject',
        },
        {
          ...model,
          sources: [0],
          reads: 'number',
          runsWhen: 'ended',
          onFailure: 'continue',
          fallbacks: 2,
          attempts: 2,
          onDeadline: 'reject',
        },
      ],
      runs: [
        { ...run, edited: 0, orderAgain: true },
        {
          ...run,
          edited: 3,
          orderAgain: true,
          decisions: [
            { afterMs: 16963, step: 1, way: 'signal', decision: 'approve', choose: 0 },
            { afterMs: 38188, step: 2, way: 'update', decision: 'reject', choose: 2 },
            { afterMs: 4548, step: 2, way: 'update', decision: 'reject', choose: 3 },
          ],
        },
      ],
      fates: [
        'succeeds',
        'is refused',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
        'succeeds',
      ],
      maxParallel: 20,
      maxCostUsd: 1,
      tasksPerRun: 5,
      lostAnswers: [9, 0],
    },
  },
  {
    what: 'a run is terminated before its first task',
    seed: 7985,
    script: {
      ...script,
      steps: [
        { ...model, runsWhen: 'ended', onFailure: 'continue', fallbacks: 1, onDeadline: 'reject' },
        {
          ...model,
          sources: [0],
          reads: 'number',
          maxParallel: 3,
          isWanted: true,
          onFailure: 'continue',
          onDeadline: 'reject',
        },
        { ...model, onFailure: 'continue', mayPayTwice: true },
      ],
      runs: [
        {
          ...run,
          edited: 1,
          cancels: [
            { afterMs: 13, way: 'terminate', detach: false },
            { afterMs: 28084, way: 'workflow', detach: false },
          ],
          decisions: [
            { afterMs: 30145, step: 2, way: 'signal', decision: 'approve', choose: 1 },
            { afterMs: 25856, step: 4, way: 'update', decision: 'approve', choose: 2 },
            { afterMs: 36142, step: 0, way: 'signal', decision: 'approve', choose: 1 },
            { afterMs: 2450, step: 2, way: 'update', decision: 'approve', choose: 0 },
            { afterMs: 12091, step: 1, way: 'update', decision: 'approve', choose: 1 },
          ],
        },
        {
          ...run,
          edited: 3,
          isGone: true,
          cancels: [{ afterMs: 25788, way: 'signal', detach: false }],
          decisions: [{ afterMs: 10404, step: 0, way: 'signal', decision: 'approve', choose: 1 }],
        },
      ],
      maxParallel: 2,
      maxCostUsd: 0.1,
      lostAnswers: [8],
    },
  },
  {
    what: 'what a cancel stopped before it was sent is ordered by the next run, under the same key',
    seed: 373,
    script: {
      ...script,
      steps: [{ ...model, items: ['x', 'x', 'x'], maxParallel: 3 }],
      runs: [
        { ...run, cancels: [{ afterMs: 1330, way: 'update', detach: false }] },
        { ...run, orderAgain: true },
      ],
      lostAnswers: [7, 9],
    },
  },
  {
    what: 'what reads a choice is ordered where no run has made it of this choice and this edition',
    seed: 598,
    script: {
      ...script,
      steps: [approval, { ...model, sources: [0] }, { ...model, sources: [1], attempts: 2 }],
      runs: [
        run,
        { ...run, edited: 2, decisions: [{ afterMs: 28662, step: 0, way: 'update', decision: 'approve', choose: 2 }] },
        { ...run, orderAgain: true },
      ],
    },
  },
];
