import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import type { BatchState } from '../../domain/batch/batch.ts';
import { type Command, type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const items = ['a', 'b', 'c'].map((id) => ({ id, input: { prompt: id } }));
const page: PageOfItems = { page: 0, from: 0, count: items.length, digest: '0'.repeat(64) };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const scheduled = (commands: Command[], type: string) =>
  commands.map(({ scheduleActivity }) => scheduleActivity).find((activity) => activity?.activityType === type);

/** The window's worker was killed after it had been asked to stop: its timeout comes where its answer is awaited. */
function lost(seq: number): Job {
  const timeout = { message: 'activity Heartbeat timeout', timeoutFailureInfo: { timeoutType: 4 } };
  const activityFailureInfo = { activityType: { name: 'runWindow' }, activityId: '1', retryState: 7 };
  const failure = { message: 'Activity task timed out', cause: timeout, activityFailureInfo };
  return { resolveActivity: { seq, result: { failed: { failure } } } };
}

function answered(seq: number, answer: unknown): Job {
  return { resolveActivity: { seq, result: { completed: { result: defaultPayloadConverter.toPayload(answer) } } } };
}

it('a window whose worker is killed while it is called back ends no batch: the next one finds what it had started', async () => {
  const request = { items, defaults: { model: 'a/b' }, window: 2 };
  const run = await sandbox.open({
    workflowType: 'runcomfyBatch',
    workflowId: 'batch',
    runId: 'run',
    args: [request],
    now,
  });
  let commands: Command[] = [];
  const play = async (...jobs: Job[]) => {
    commands = await run.activate(jobs, { now });
    const [local] = commands.flatMap(({ scheduleLocalActivity }) => scheduleLocalActivity ?? []);
    if (local) commands = [...commands, ...(await run.activate([answered(local.seq ?? 0, [])], { now }))];
  };
  const questionOf = (): WindowQuestion | undefined => {
    const [argument] = scheduled(commands, 'runWindow')?.arguments ?? [];
    return argument && defaultPayloadConverter.fromPayload(argument);
  };
  const signal = (signalName: string): Job => ({
    signalWorkflow: {
      signalName,
      input: [defaultPayloadConverter.toPayload({})],
    },
  });

  await play(run.first);
  await play(answered(scheduled(commands, 'storeItems')?.seq ?? -1, [page]));
  const window = scheduled(commands, 'runWindow');
  expect(questionOf()).toMatchObject({ cursor: 0, mayStart: true });
  await play(signal('pause'));
  expect(commands.some(({ requestCancelActivity }) => requestCancelActivity?.seq === window?.seq)).toBe(true);
  await play(signal('resume'), lost(window?.seq ?? -1));

  expect(commands.some(({ failWorkflowExecution }) => failWorkflowExecution)).toBe(false);
  // Whoever said something sees what comes of it soon; then windows grow.
  expect(questionOf()).toMatchObject({ cursor: 0, open: [], mayStart: true, lastsMs: 3_000 });
  const next: WindowAnswer = {
    ...{ ended: [], open: [{ index: 0 }, { index: 1 }], givenBack: [], cursor: 2, isFirstAttempt: true },
  };
  await play(answered(scheduled(commands, 'runWindow')?.seq ?? -1, next));
  const { phase, counts } = (await run.query('state')) as BatchState;
  expect({ phase, counts }).toMatchObject({ phase: 'running', counts: { total: 3, inFlight: 2, waiting: 1 } });
  expect(questionOf()).toMatchObject({ cursor: 2, lastsMs: 6_000 });
  const seq = scheduled(commands, 'runWindow')?.seq ?? -1;
  await play(signal('pause'));
  await play(answered(seq, next));
  expect(questionOf()).toMatchObject({ mayStart: false, lastsMs: 3_000 });
});
