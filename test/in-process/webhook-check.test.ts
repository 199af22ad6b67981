import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { generationInProcess } from '../support/generation-in-process.ts';
import { type Command, type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-27T05:00:00.000Z');
const request = { model: 'a/b', input: { prompt: 'x' }, webhook: { url: 'https://a.example', secret: 'gone' } };
const issues = [{ path: 'request.webhook.secret', message: 'no secrets are named "gone"' }];

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

/** What a generation asks for once its worker had no time to check its webhook, and what becomes of it then. */
async function unchecked({ isReplaying = false } = {}) {
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'k', runId: crypto.randomUUID() };
  const run = await sandbox.open({ ...execution, args: [request], now });
  const [check] = activitiesOf(await run.activate([run.first], { now, isReplaying }), 'scheduleLocalActivity');
  expect(check?.activityType).toBe('checkWebhook');
  const cause = { message: 'activity timed out', timeoutFailureInfo: { timeoutType: 2 } };
  const activityFailureInfo = { activityType: { name: 'checkWebhook' }, activityId: '1' };
  const failure = { message: '', cause, activityFailureInfo };
  const timedOut: Job = { resolveActivity: { seq: check?.seq ?? 0, isLocal: true, result: { failed: { failure } } } };
  const asked = activitiesOf(await run.activate([timedOut], { now: now + 6_000, isReplaying }), 'scheduleActivity');
  return { run, asked };
}

function activitiesOf(commands: Command[], kind: 'scheduleActivity' | 'scheduleLocalActivity') {
  return commands.flatMap((command) => command[kind] ?? []);
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

it('asks once more whether a webhook can be delivered where the worker had no time for it, before anything is paid', async () => {
  const { run, asked } = await unchecked();
  expect(asked.map(({ activityType }) => activityType)).toEqual(['checkWebhook']);
  const result = defaultPayloadConverter.toPayload({ issues });
  const answered: Job = { resolveActivity: { seq: asked[0]?.seq ?? 0, result: { completed: { result } } } };
  const commands = await run.activate([answered], { now: now + 7_000 });
  const [failed] = commands.flatMap(({ failWorkflowExecution }) => failWorkflowExecution ?? []);
  expect(failed?.failure?.applicationFailureInfo?.type).toBe('InvalidInput');
  expect(failed?.failure?.message).toContain('nothing was sent: request.webhook.secret');
  await run.dispose();
});

it('went on in runs that are older than that', async () => {
  const { run, asked } = await unchecked({ isReplaying: true });
  expect(asked.map(({ activityType }) => activityType)).toEqual(['submitRequest']);
  await run.dispose();
});
