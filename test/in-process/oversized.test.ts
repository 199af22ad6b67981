import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationRequest } from '../../domain/generation.ts';
import { jsonBytes } from '../../domain/json.ts';
import { planLimits } from '../../domain/pipeline/pipeline.ts';
import { maxBytesAtOnce, maxRequestBytes } from '../../domain/request.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
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
    state: { ...state, deadlineAt: '2026-11-27T05:00:00.000Z' },
    seen: {},
    searchAttributes: [],
    published: {},
    inputUrls: many(250_000, () => 'u'),
    hasResubmitted: false,
    isCancelDue: false,
    isWorkflowCancelled: false,
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

/** An order of so many bytes, in a text or in nothing but URLs. */
function orderOf(bytes: number, kind: 'text' | 'URLs', more: Partial<GenerationRequest> = {}): GenerationRequest {
  const urls = kind === 'text' ? [] : many(19_000, (at) => `https://a.example/${String(at).padStart(80, '0')}`);
  const order = { model: 'a/b', ...more, input: { urls, rest: 'https://a.example/' } };
  order.input.rest += 'x'.repeat(bytes - jsonBytes(order));
  return order;
}

describe('an order near the 2 MiB that Temporal takes at once', () => {
  const tooLarge = orderOf(maxRequestBytes + 1, 'text');
  const accepted = {
    requestId: 'r1',
    submittedAt: '2026-11-27T12:00:00.000Z',
    nextReadInMs: 1_000,
    searchAttributes: [],
  };
  const finished = { status: 'finished', reads: 1, readAt: '2026-11-27T12:00:01.000Z', nextReadInMs: 0 };

  it('is refused, unsent, where what is sent on with it would not fit', async () => {
    const generation = await generationInProcess(sandbox, tooLarge, { submits: [] });
    const { failure } = await generation.state();
    const told = [failure?.type, failure?.details.submission, generation.orders.length];
    expect(told).toEqual(['InvalidInput', 'not_sent', 0]);
    expect(failure?.message).toContain(`the request has ${String(maxRequestBytes + 1)} bytes and may have`);
    await generation.dispose();
  });

  it('goes on where an earlier version has taken it', async () => {
    const run = await open('runcomfyGeneration', [tooLarge]);
    const replayed = await run.activate([run.first], { now: startedAt, isReplaying: true });
    expect([failureIn(replayed), asksFor(replayed)]).toEqual([undefined, ['submitRequest']]);
    await run.dispose();
  });

  it.each(['text', 'URLs'] as const)('is handed on whole at a wall, and in a new run: %s', async (kind) => {
    const order = orderOf(maxRequestBytes, kind, { onWall: 'wait' });
    const wall = { type: 'InsufficientBalance', message: '\u4e2d'.repeat(2_000) };
    const generation = await generationInProcess(sandbox, order, { submits: [wall, wall] });
    generation.grow();
    await generation.pass(60_000);
    expect([generation.end(), generation.orders.length]).toEqual(['continued', 1]);
    expect(Math.max(...generation.bytes)).toBeLessThan(maxBytesAtOnce);
    await generation.dispose();
  });

  it.each([
    ['is held by the run that has it where no other could be handed it', maxBytesAtOnce - 200, 0],
    ['goes on in a new run where an earlier version has taken it and it can be handed on', maxBytesAtOnce - 6_000, 1],
  ])('%s', async (_name, bytes, continued) => {
    const state = { phase: 'submission_unknown', model: 'a/b', submission: 'unknown', reads: 0 };
    const carried = {
      state: { ...state, deadlineAt: '2026-11-27T05:00:00.000Z' },
      seen: {},
      searchAttributes: [],
      published: {},
      hasResubmitted: false,
      isCancelDue: false,
      isWorkflowCancelled: false,
    };
    const run = await open('runcomfyGeneration', [orderOf(bytes, 'text'), carried], 'run-0');
    const commands = await run.activate([run.first], { now: startedAt, isContinueAsNewSuggested: true });
    expect(failureIn(commands)).toBeUndefined();
    expect(commands.filter((command) => command.continueAsNewWorkflowExecution)).toHaveLength(continued);
    await run.dispose();
  });

  it('has its result fetched, though its input is nothing but URLs', async () => {
    const generation = await generationInProcess(sandbox, orderOf(maxRequestBytes, 'URLs'), { submits: [accepted] });
    await generation.pass(10_000);
    await generation.complete('readStatus', finished);
    expect([...generation.pending.keys()]).toContain('fetchResult');
    expect(Math.max(...generation.bytes)).toBeLessThan(maxBytesAtOnce);
    await generation.dispose();
  });
});
