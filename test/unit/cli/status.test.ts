import { expect, it } from 'vitest';
import { addBatchStatus } from '../../../cli/commands/batch/follow.ts';
import { addPipelineStatus } from '../../../cli/commands/pipeline/status.ts';
import { addStatus } from '../../../cli/commands/status.ts';
import type { CommandAdder } from '../../../cli/define-command.ts';
import type { KnownState } from '../../../client/index.ts';
import { commandOn } from '../../support/command-on.ts';

const state: KnownState = {
  phase: 'submitting',
  model: 'a/b',
  submission: 'unknown',
  reads: 0,
  deadlineAt: '2026-12-02T05:00:00.000Z',
  isFromServer: true,
};

/** What `status k`, or that of a pipeline or batch, makes of a state. */
const statusOf = (told: object, add: CommandAdder = addStatus) => {
  const found = { get: () => Promise.resolve({ state: () => Promise.resolve(told) }) };
  return commandOn(add, ['status', 'k'], { generations: { ...found, pipelines: found, batches: found } });
};

it('says of a generation whose start is delayed when it begins, and looks for no worker', async () => {
  const beginsAt = '2026-12-01T05:00:00.000Z';
  const { exitCode, stdout, stderr } = await statusOf({ ...state, submission: 'not_sent', beginsAt });
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`it begins at ${beginsAt}`)]);
  expect(JSON.parse(stdout)).toMatchObject({ submission: 'not_sent', beginsAt });
  expect(stderr).not.toContain('worker');
});

it.each([
  ['pipeline', addPipelineStatus],
  ['batch', addBatchStatus],
])('says the same of a %s', async (_what, add) => {
  const beginsAt = '2026-12-01T05:00:00.000Z';
  const delayed = await statusOf({ isFromServer: true, beginsAt }, add);
  expect([delayed.exitCode, delayed.stderr]).toEqual([0, expect.stringContaining(`it begins at ${beginsAt}`)]);
  const { exitCode, stderr } = await statusOf({ isFromServer: true }, add);
  expect([exitCode, stderr]).toEqual([69, expect.stringContaining('no worker answers')]);
});

it('says that no worker answers where one should', async () => {
  const { exitCode, stderr } = await statusOf(state);
  expect([exitCode, stderr]).toEqual([69, expect.stringContaining('no worker answers')]);
});
