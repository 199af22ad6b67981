import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { generationInProcess } from '../support/generation-in-process.ts';
import {
  type Command,
  type Job,
  openSandbox,
  type Sandbox,
  type SandboxExecution,
} from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-27T05:00:00.000Z');
const request = { model: 'a/b', input: { prompt: 'x' }, webhook: { url: 'https://a.example', secret: 'gone' } };
const issues = [{ path: 'request.webhook.secret', message: 'no secrets are named "gone"' }];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

function activitiesOf(commands: Command[], kind: 'scheduleActivity' | 'scheduleLocalActivity') {
  return commands.flatMap((command) => command[kind] ?? []);
}

const patchesOf = (commands: Command[]) => commands.flatMap(({ setPatchMarker }) => setPatchMarker?.patchId ?? []);

/** An activity that was asked for, and how its end is told; undefined: none was. */
function checkIn(commands: Command[]) {
  const [local] = activitiesOf(commands, 'scheduleLocalActivity');
  const [check = local] = activitiesOf(commands, 'scheduleActivity');
  expect(check?.activityType).toBe('checkWebhook');
  const end = (result: object): Job => ({
    resolveActivity: { seq: check?.seq ?? 0, isLocal: check === local, result },
  });
  return { end, isLocal: check === local };
}

const answered = (answer: object) => ({ completed: { result: defaultPayloadConverter.toPayload(answer) } });
const refused = answered({ issues });

interface Begin extends Partial<SandboxExecution> {
  /** Come with its first workflow task. */
  signals?: string[];
  /** What each task of the run that is replayed had asked for. */
  recorded?: Command[][];
}

/** What the first two workflow tasks of a generation ask for, the second of which brings the answer of its check. */
async function begin({ signals = [], recorded, ...more }: Begin, result: object) {
  const isReplaying = recorded !== undefined;
  const known = (task: number) => patchesOf(recorded?.[task] ?? []).map((patchId) => ({ notifyHasPatch: { patchId } }));
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'k', runId: 'run', args: [request], now };
  const run = await sandbox.open({ ...execution, ...more });
  const signalled = signals.map((signalName): Job => ({ signalWorkflow: { signalName, input: [] } }));
  const first = await run.activate([run.first, ...known(0), ...signalled], { now, isReplaying });
  const { end, isLocal } = checkIn(first);
  // A replay hands on the end of a local activity before it has looked at a later task.
  const then = await run.activate([...(isLocal ? [] : known(1)), end(result)], { now: now + 1_000, isReplaying });
  await run.dispose();
  return [first, then];
}

/** One of an earlier version, whose worker had no time to check its webhook. */
async function uncheckedBefore(patches: string[]) {
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'k', runId: crypto.randomUUID() };
  const run = await sandbox.open({ ...execution, args: [request], now });
  const known = patches.map((patchId): Job => ({ notifyHasPatch: { patchId } }));
  const { end, isLocal } = checkIn(await run.activate([run.first, ...known], { now, isReplaying: true }));
  expect(isLocal).toBe(true);
  const cause = { message: 'activity timed out', timeoutFailureInfo: { timeoutType: 2 } };
  const activityFailureInfo = { activityType: { name: 'checkWebhook' }, activityId: '1' };
  const timedOut = { failed: { failure: { message: '', cause, activityFailureInfo } } };
  const commands = await run.activate([end(timedOut)], { now: now + 6_000, isReplaying: true });
  return { run, asked: activitiesOf(commands, 'scheduleActivity').map(({ activityType }) => activityType) };
}

const accepted = {
  requestId: 'r',
  submittedAt: new Date(now).toISOString(),
  nextReadInMs: 1_000,
  searchAttributes: [],
};
const reading = { reads: 1, readAt: new Date(now).toISOString(), nextReadInMs: 0 };
const noFiles = { images: [], videos: [], audios: [] };

it.each([
  [1_000, undefined],
  [300_000, ['result']],
])('tells a result of %i letters, or names what it leaves out: %j', async (letters, leftOut) => {
  const run = await generationInProcess(sandbox, request, { submits: [accepted] });
  await run.pass(1_000);
  await run.complete('readStatus', { ...reading, status: 'finished' });
  const output = { ...noFiles, images: [`https://files.example/${'a'.repeat(letters)}`] };
  await run.complete('fetchResult', { ...reading, status: 'succeeded', output });
  expect(run.webhooks).toMatchObject([{ body: { type: 'generation.succeeded', data: { phase: 'succeeded' } } }]);
  const { data } = run.webhooks[0]?.body ?? {};
  expect([data?.leftOut, data?.result?.output]).toEqual([leftOut, leftOut ? undefined : output]);
});

it.each([
  [1_000, undefined],
  [300_000, ['failure']],
])('tells a failure of %i letters, or names what it leaves out: %j', async (letters, leftOut) => {
  const run = await generationInProcess(sandbox, request, { submits: [accepted] });
  await run.pass(1_000);
  const vendorMessage = 'a'.repeat(letters);
  await run.fail('readStatus', 'GenerationFailed', { vendorMessage });
  expect(run.webhooks).toMatchObject([{ body: { type: 'generation.failed', data: { phase: 'failed' } } }]);
  const { data } = run.webhooks[0]?.body ?? {};
  expect([data?.leftOut, data?.failure?.details.vendorMessage]).toEqual([leftOut, leftOut ? undefined : vendorMessage]);
});

it("tells a tenant's budget by the name by which it reads it, and hosts as they were written", async () => {
  const about = (budget: string) => `there is no room in budget "${budget}" for https://acme.spring/in.png`;
  const details = { submission: 'not_sent', budget: 'acme.spring' } as const;
  const refused = { type: 'BudgetExceeded', message: about('acme.spring'), details };
  const run = await generationInProcess(sandbox, request, { submits: [refused], tenant: 'acme' });
  const { data } = run.webhooks[0]?.body ?? {};
  expect(data).toMatchObject({ key: 'k', tenant: 'acme', failure: { details: { budget: 'spring' } } });
  expect(data?.failure?.message).toContain(about('spring'));
});

it("tells the budgets of a tenant's result by the names by which it reads them", async () => {
  const budgets = ['acme.spring', 'acme.acme.nightly'];
  const run = await generationInProcess(sandbox, { ...request, budgets }, { submits: [accepted], tenant: 'acme' });
  await run.pass(1_000);
  await run.complete('readStatus', { ...reading, status: 'finished' });
  await run.complete('fetchResult', { ...reading, status: 'succeeded', output: noFiles });
  expect(run.webhooks[0]?.body.data.result?.budgets).toEqual(['spring', 'acme.nightly']);
});

const late = { startedAt: now - 2 * 3_600_000, args: [{ ...request, deadlineMs: 600_000 }] };
const kinds: [string, Begin][] = [
  ['that goes on', {}],
  ['that Temporal started by itself', { attempt: 2, continuedFromExecutionRunId: 'before' }],
  ['that was cancelled before', { signals: ['cancel'] }],
  ['whose deadline has passed', late],
];

describe.each(kinds)('the check of the webhook of a generation %s', (_what, more) => {
  it.each([
    ['good', answered({ issues: [] })],
    ['refused', refused],
  ])('is replayed as it ran where its answer came in a later task: %s', async (_answer, answer) => {
    const recorded = await begin(more, answer);
    expect(await begin({ ...more, recorded }, answer)).toEqual(recorded);
  });

  it('is left to no local activity, whose end a replay may hear of earlier', async () => {
    const commands = (await begin(more, answered({ issues: [] }))).flat();
    expect(activitiesOf(commands, 'scheduleLocalActivity')).toEqual([]);
  });
});

it('ends an order whose webhook cannot be delivered before anything is paid', async () => {
  const commands = (await begin({}, refused)).flat();
  expect(activitiesOf(commands, 'scheduleActivity')).toHaveLength(1);
  const [failed] = commands.flatMap(({ failWorkflowExecution }) => failWorkflowExecution ?? []);
  expect(failed?.failure?.applicationFailureInfo?.type).toBe('InvalidInput');
  expect(failed?.failure?.message).toContain('nothing was sent: request.webhook.secret');
});

it.each([
  ['was asked for once more', ['webhooks-are-checked-by-either'], 'checkWebhook'],
  ['was left out', [], 'submitRequest'],
])('of an earlier version %s where the worker had no time for it', async (_what, patches, next) => {
  const { run, asked } = await uncheckedBefore(patches);
  expect(asked).toEqual([next]);
  await run.dispose();
});
