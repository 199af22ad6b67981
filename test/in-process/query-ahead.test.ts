import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { aheadOfTask, aheadOfTaskSentence } from '../../workflows/hooks/interceptors.ts';
import { type Command, type Job, openSandbox, type Sandbox, type SandboxRun } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const now = Date.parse('2026-11-28T12:00:00.000Z');
const request = { model: 'a/b', input: { prompt: 'x' } };
const nudge: Job = { signalWorkflow: { signalName: 'nudge', input: [] } };
/** Refused: nothing is unknown. */
const resolve: Job = {
  doUpdate: {
    name: 'resolveSubmission',
    id: 'u',
    protocolInstanceId: 'u',
    input: toPayloads(defaultPayloadConverter, { action: 'abandon' }) ?? [],
    runValidator: true,
  },
};
/** What a query brings that is answered from events which no task has taken in: their end is the schedule of their task. */
const readAhead = { now, isOfNoTask: true, events: 2 };

async function running(): Promise<SandboxRun> {
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'k', runId: crypto.randomUUID() };
  const run = await sandbox.open({ ...execution, args: [request], now });
  await run.activate([run.first], { now });
  return run;
}

function isMarked(commands: Command[]): boolean {
  return commands.some(
    ({ upsertWorkflowSearchAttributes: upsert }) => upsert?.searchAttributes?.indexedFields?.[aheadOfTask],
  );
}

it('has the server refuse the task that follows a query which has read ahead of it', async () => {
  const run = await running();
  expect(isMarked(await run.activate([nudge], readAhead))).toBe(true);
  expect(isMarked(await run.activate([nudge], { now, isOfNoTask: true, events: 1 }))).toBe(false);
});

it('fails that task where it has news', async () => {
  const run = await running();
  await run.activate([nudge], readAhead);
  await expect(run.activate([resolve], { now, events: 9 })).rejects.toThrow(aheadOfTaskSentence);
});

it('knows a task that was read ahead of by the events it lacks, where one between was not seen', async () => {
  const run = await running();
  // A task without news, and then events at its time: as if all were one task.
  expect(isMarked(await run.activate([nudge], { now, events: 5 }))).toBe(false);
  await expect(run.activate([resolve], { now, events: 1 })).rejects.toThrow(aheadOfTaskSentence);
});

it.each([
  ['a message', [resolve], 2],
  ['a signal and a message', [nudge, resolve], 3],
])('knows it so with %s', async (_what, jobs, events) => {
  const run = await running();
  await expect(run.activate(jobs, { now, events })).rejects.toThrow(aheadOfTaskSentence);
});

it('notices it right after a refused update, of which the server may keep nothing', async () => {
  const run = await running();
  await run.activate([resolve], { now, events: 3 });
  expect(isMarked(await run.activate([nudge], { now, isOfNoTask: true, events: 0 }))).toBe(true);
});

it('takes a task for one, however the server begins it', async () => {
  const run = await running();
  const plays: Parameters<SandboxRun['activate']>[] = [
    [[nudge], { now, events: 4 }],
    // Refused, and forgotten by the server; then another at the same place, and what came after that.
    [[resolve], { now, events: 3 }],
    [[resolve], { now, events: 0 }],
    [[nudge], { now, events: 1 }],
    // Begun as the one before is recorded, by a clock that stands still: heard again from the history.
    [[nudge], { now, isOfNoTask: true, events: 4, isReplaying: true }],
    // What comes of a task within it.
    [[nudge], { now, isOfNoTask: true, events: 0 }],
  ];
  for (const play of plays) expect(isMarked(await run.activate(...play))).toBe(false);
});
