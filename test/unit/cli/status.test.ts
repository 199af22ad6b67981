import { expect, it } from 'vitest';
import { addStatus } from '../../../cli/commands/status.ts';
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

const statusOf = (told: KnownState) => {
  const get = () => Promise.resolve({ state: () => Promise.resolve(told) });
  return commandOn(addStatus, ['status', 'k'], { generations: { get } });
};

it('says of a generation whose start is delayed when it begins, and looks for no worker', async () => {
  const beginsAt = '2026-12-01T05:00:00.000Z';
  const { exitCode, stdout, stderr } = await statusOf({ ...state, submission: 'not_sent', beginsAt });
  expect([exitCode, stderr]).toEqual([0, expect.stringContaining(`it begins at ${beginsAt}`)]);
  expect(JSON.parse(stdout)).toMatchObject({ submission: 'not_sent', beginsAt });
  expect(stderr).not.toContain('worker');
});

it('says that no worker answers where one should', async () => {
  const { exitCode, stderr } = await statusOf(state);
  expect([exitCode, stderr]).toEqual([69, expect.stringContaining('no worker answers')]);
});
