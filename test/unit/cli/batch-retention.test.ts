import { expect, it } from 'vitest';
import { addBatchStatus } from '../../../cli/commands/batch/follow.ts';
import { waitForBatch } from '../../../cli/commands/batch/wait.ts';
import type { BatchHandle } from '../../../client/index.ts';
import { commandOn } from '../../support/command-on.ts';

const days = 86_400;

/** Temporal that keeps what has ended for so long, or may not be asked. */
function temporalThatKeeps(seconds: number | undefined) {
  let asked = 0;
  const describeNamespace = () => {
    asked += 1;
    if (seconds === undefined) return Promise.reject(new Error('not allowed'));
    return Promise.resolve({ config: { workflowExecutionRetentionTtl: { seconds } } });
  };
  const client = {
    options: { namespace: 'of mine' },
    workflowService: { describeNamespace },
    withDeadline: (_: number, call: () => unknown) => call(),
  };
  return { client, asked: () => asked };
}

/** 1,440 items a day. */
const slow = { perMinute: 1, etaAt: '2026-11-30T00:00:00Z' };
const stateOf = (rate: object) => ({ phase: 'running', counts: { total: 14_400 }, money: {}, failures: [], rate });

const warning = `warning: at this rate the whole batch takes about 10 days, and Temporal keeps what has ended for 15 days: an item that it has forgotten is not found again; \`temporal operator namespace update --retention 20d 'of mine'\` keeps them longer`;

it.each([
  ['warns of a batch that takes more than half as long as Temporal keeps it', 15 * days, slow, warning],
  ['is silent where Temporal keeps it long enough', 20 * days, slow, ''],
  ['is silent where Temporal does not say how long', undefined, slow, ''],
  ['asks nothing where nothing is left', 15 * days, { perMinute: 1 }, ''],
])('batch status %s', async (_, seconds, rate, note) => {
  const { client } = temporalThatKeeps(seconds);
  const state = () => Promise.resolve(stateOf(rate));
  const generations = { batches: { get: () => Promise.resolve({ state }) } };
  const { exitCode, stderr } = await commandOn(addBatchStatus, ['status', 'k'], { generations, client });
  expect([exitCode, stderr.trim()]).toEqual([0, note]);
});

it('whoever waits for a batch is warned once', async () => {
  const { client, asked } = temporalThatKeeps(15 * days);
  const notes: string[] = [];
  const nothing = () => undefined;
  const printer = { note: (note: string) => notes.push(note), progress: nothing, endProgress: nothing };
  let end: (result: object) => void = nothing;
  const batch = {
    key: 'k',
    result: () => new Promise((resolve) => (end = resolve)),
    async *watch() {
      for (const rate of [{}, slow, slow]) yield await Promise.resolve(stateOf(rate));
      end({ phase: 'succeeded' });
    },
  };
  const parts = [{ client }, batch as unknown as BatchHandle, { printer }] as unknown as Parameters<
    typeof waitForBatch
  >;
  await waitForBatch(...parts);
  expect([notes, asked()]).toEqual([[warning], 1]);
});
