import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { planLimits } from '../../domain/pipeline/pipeline.ts';
import { type Command, type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const startedAt = Date.parse('2026-11-26T05:00:00.000Z');
const many = <Value>(length: number, value: (index: number) => Value) => Array.from({ length }, (_, at) => value(at));
const named = (count: number) => Object.fromEntries(many(count, (index) => [`f${String(index)}`, 1]));

let sandbox: Sandbox;
let opened = 0;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const open = (workflowType: string, args: unknown[], continuedFromExecutionRunId?: string) => {
  opened += 1;
  const workflowId = workflowType === 'runcomfyBudget' ? 'runcomfy-budget:acme' : `oversized-${String(opened)}`;
  const runId = `run-${String(opened)}`;
  return sandbox.open({ workflowType, workflowId, runId, args, now: startedAt, continuedFromExecutionRunId });
};

const asPayload = (value: unknown) => defaultPayloadConverter.toPayload(value);

/** What the first workflow task asks for. */
async function firstTask(workflowType: string, argument: Payload): Promise<Command[]> {
  const run = await open(workflowType, []);
  const initializeWorkflow = { ...run.first.initializeWorkflow, arguments: [argument] };
  const commands = await run.activate([{ ...run.first, initializeWorkflow }], { now: startedAt });
  await run.dispose();
  return commands;
}

const failureIn = (commands: Command[]) =>
  commands.flatMap(({ failWorkflowExecution }) => failWorkflowExecution?.failure ?? [])[0];
const asksFor = (commands: Command[]) =>
  commands.flatMap(({ scheduleActivity, scheduleLocalActivity }) => {
    return (scheduleActivity ?? scheduleLocalActivity)?.activityType ?? [];
  });

/** Each takes more than a tenth of a second to parse and check, or overflows the stack of whoever writes it again. */
const oversized: [name: string, text: string][] = [
  ['150,000 names', JSON.stringify(named(150_000))],
  ['26,000 different names', JSON.stringify(named(26_000))],
  ['8,000 different names of 60 letters', JSON.stringify(named(8_000)).replaceAll('"f', `"${'x'.repeat(56)}`)],
  ['101,000 numbers', `{"list":[${'1,'.repeat(100_999)}1]}`],
  ['600,000 empty lists', `{"list":[${'[],'.repeat(599_999)}[]]}`],
  ['900,000 numbers', `{"list":[${'1,'.repeat(899_999)}1]}`],
  ['100,000 lists inside each other', `{"list":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
];

const webhookBody = (data: object) => ({ type: 'generation.failed', timestamp: '2026-11-26T05:00:00.000Z', data });
const place = { here: 'and nowhere else' };
const workflows: [workflowType: string, argument: unknown][] = [
  ['runcomfyGeneration', { model: 'a/b', input: place }],
  ['runcomfyPipeline', { plan: place }],
  ['runcomfyPipeline', { plan: { version: 1, steps: {} }, params: place }],
  ['runcomfyBatch', { items: [{ id: '1', model: 'a/b', input: place }] }],
  ['runcomfyBatch', { plan: place, items: [{ id: '1' }] }],
  ['runcomfyBudget', { limitUsd: 5, period: place }],
  ['runcomfyWebhook', { webhookId: 'w', url: 'https://a.example', secret: 's', body: webhookBody(place) }],
];

describe.each(oversized)('%s', (_name, text) => {
  it.each(workflows)('are refused by %s before they are parsed: %j', async (workflowType, argument) => {
    const data = Buffer.from(JSON.stringify(argument).replace(JSON.stringify(place), text));
    const commands = await firstTask(workflowType, { metadata: { encoding: Buffer.from('json/plain') }, data });
    const { message, applicationFailureInfo } = failureIn(commands) ?? {};
    expect([applicationFailureInfo?.type, asksFor(commands)]).toEqual(['InvalidInput', []]);
    expect(message).toContain('got "JSON beyond 100,000 values, 50,000 names (25,000 or 400 kB new) or 200 levels"');
  });
});

const long = 'x'.repeat(planLimits.bytes);
it.each([
  ['a plan of too many bytes', { plan: { version: 1, steps: {}, outputs: { long } } }, 'the plan has 262'],
  ['params of too many bytes', { plan: { version: 1, steps: {} }, params: { long } }, 'the params have 262'],
  ['a plan of too many values', { plan: { list: many(20_000, () => 1) } }, '$: has more than 20000 values'],
  ['params of too many values', { plan: {}, params: { list: many(20_000, () => 1) } }, '$.params: has more than 20000'],
  ['a plan nested too deep', { plan: JSON.parse(`{"a":${'['.repeat(150)}1${']'.repeat(150)}}`) as object }, 'nested'],
])('refuses %s before an activity is asked', async (_name, request, message) => {
  const commands = await firstTask('runcomfyPipeline', asPayload(request));
  expect(failureIn(commands)?.message).toContain(message);
  expect(asksFor(commands)).toEqual([]);
});

/** As large as the documents say that they may be. */
const largest: [name: string, workflowType: string, argument: unknown, activity: string][] = [
  ['20,000 values', 'runcomfyGeneration', { model: 'a/b', input: { list: many(19_998, () => 1) } }, 'submitRequest'],
  ['20,000 names', 'runcomfyGeneration', { model: 'a/b', input: named(19_999) }, 'submitRequest'],
  ['a text of commas', 'runcomfyGeneration', { model: 'a/b', input: { p: ',[{:'.repeat(400_000) } }, 'submitRequest'],
  [
    'a plan and params of nothing but digits',
    'runcomfyPipeline',
    { plan: { list: many(19_998, () => 1) }, params: { list: many(19_998, () => 1) } },
    'checkPlan',
  ],
  ['a plan of nothing but names', 'runcomfyPipeline', { plan: named(19_999) }, 'checkPlan'],
  [
    'a thousand items of 48 names',
    'runcomfyBatch',
    { items: many(1_000, (id) => ({ id: String(id), model: 'a/b', input: { ...named(45), text: 'x'.repeat(500) } })) },
    'storeItems',
  ],
];
it.each(largest)('takes %s', async (_name, workflowType, argument, activity) => {
  const commands = await firstTask(workflowType, asPayload(argument));
  expect(failureIn(commands)).toBeUndefined();
  expect(asksFor(commands)).toContain(activity);
});

it('takes whatever the run before it carried, and no message of that size', async () => {
  const request = { model: 'a/b', input: {} };
  const state = { phase: 'in_queue', model: 'a/b', submission: 'accepted', requestId: 'r1', reads: 3 };
  const carried = {
    ...{ state: { ...state, deadlineAt: '2026-11-27T05:00:00.000Z' }, seen: {}, searchAttributes: [], published: {} },
    ...{ inputUrls: many(250_000, () => 'u'), hasResubmitted: false, isCancelDue: false, isWorkflowCancelled: false },
  };
  const run = await open('runcomfyGeneration', [request, carried], 'run-0');
  const signal = (signalName: string, input: unknown): Job => ({
    signalWorkflow: { signalName, input: [asPayload(input)] },
  });
  await run.activate([run.first, signal('cancel', { reason: 'enough', list: many(250_000, () => 1) })], {
    now: startedAt,
  });
  const told = (await run.query('state')) as { requestId?: string; cancel?: { reason?: string } };
  expect(told.requestId).toBe('r1');
  expect(told.cancel).toEqual({ requestedAt: new Date(startedAt).toISOString() });
  await run.dispose();
});
