import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationState } from '../../domain/generation.ts';
import type { WebhookCheck } from '../../domain/webhook/webhook.ts';
import { type Command, openSandbox, type Sandbox, type SandboxExecution } from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const order = { model: 'a/b', input: { prompt: 'x' } };
const webhook = { url: 'https://hooks.example/', secret: 'acme' };
const noSecret = { path: 'request.webhook.secret', message: 'no secrets are named "acme"' };

/** What begins a run that is not the first of its chain. */
const reset = { runId: 'run-2', firstExecutionRunId: 'run-1', originalExecutionRunId: 'run-1' };
const cron = { runId: 'run-2', firstExecutionRunId: 'run-1', continuedFromExecutionRunId: 'run-1' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

/** What a generation asks for once it has an answer about its webhook, and where it then stands. */
async function begin(args: unknown[], run: Partial<SandboxExecution>, check: WebhookCheck = { issues: [] }) {
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'order', runId: 'run-1', args, now, ...run };
  const opened = await sandbox.open(execution);
  const commands = await opened.activate([opened.first], { now });
  for (const { scheduleActivity } of [...commands]) {
    if (scheduleActivity?.activityType !== 'checkWebhook') continue;
    const result = { completed: { result: defaultPayloadConverter.toPayload(check) } };
    const answer = { seq: scheduleActivity.seq ?? 0, result };
    commands.push(...(await opened.activate([{ resolveActivity: answer }], { now })));
  }
  const state = (await opened.query('state')) as GenerationState;
  await opened.dispose();
  return { state, asked: askedIn(commands).filter((type) => type !== 'checkWebhook'), failure: state.failure };
}

const askedIn = (commands: Command[]) =>
  commands.flatMap(({ scheduleActivity }) => scheduleActivity?.activityType ?? []);

describe('a webhook that can no longer be delivered to', () => {
  const ordered = [{ ...order, webhook }];

  it('ends no run that may hide an order as one that sent nothing', async () => {
    const { asked, state } = await begin(ordered, reset, { issues: [noSecret], mayBeSubmitted: true });
    expect(asked).toEqual(['submitRequest']);
    expect(state.failure).toBeUndefined();
    expect(state.warnings).toEqual([expect.stringContaining('no secrets are named')]);
  });

  it('ends no run that Temporal started by itself so', async () => {
    const { state } = await begin(ordered, cron, { issues: [noSecret] });
    expect(state).toMatchObject({ phase: 'submission_unknown', submission: 'unknown' });
  });

  it('keeps nobody from what is taken over, since that is paid', async () => {
    const { asked, state } = await begin([{ ...order, webhook, requestId: 'r-1' }], {}, { issues: [noSecret] });
    expect(asked).toEqual(['readStatus']);
    expect(state).toMatchObject({ submission: 'accepted', requestId: 'r-1' });
    expect(state.failure).toBeUndefined();
    expect(state.warnings).toEqual([expect.stringContaining('no secrets are named')]);
  });

  it.each([
    ['a first run', {}],
    ['a run that was reset before anything was sent', reset],
  ])('ends %s before anything is paid', async (_what, run) => {
    const { asked, failure } = await begin(ordered, run, { issues: [noSecret] });
    expect(asked).toEqual([]);
    expect(failure).toMatchObject({ type: 'InvalidInput', details: { submission: 'not_sent' } });
  });
});

describe('a request that can no longer be understood', () => {
  const unread = [{ ...order, ofAnOlderVersion: true }];

  it.each([
    ['a run that was reset', reset],
    ['a run that Temporal started by itself', cron],
  ])('ends %s without a word that nothing was sent', async (_what, run) => {
    const { failure, asked } = await begin(unread, run);
    expect(asked).toEqual([]);
    expect(failure).toMatchObject({ type: 'InvalidInput', details: { submission: 'unknown' } });
    expect(failure?.message).toContain('an earlier run may have sent it');
  });

  it('keeps the request id that the run before has carried', async () => {
    const state = { phase: 'in_queue', model: 'a/b', submission: 'accepted', requestId: 'r1', reads: 1 };
    const carried = { state: { ...state, deadlineAt: new Date(now + 60_000).toISOString() }, inputUrls: [] };
    const { failure } = await begin([...unread, carried], cron);
    expect(failure).toMatchObject({ details: { submission: 'accepted', requestId: 'r1' } });
    expect(failure?.message).not.toContain('nothing was sent');
  });

  it('ends a first run before anything is paid', async () => {
    const { failure } = await begin(unread, {});
    expect(failure).toMatchObject({ type: 'InvalidInput', details: { submission: 'not_sent' } });
  });
});

describe('a run that was handed on what preceded its submit', () => {
  const wall = { type: 'InsufficientBalance', message: 'empty', since: '2026-11-26T04:00:00.000Z', refusals: 9 };
  const handedOn = (state: object) => ({
    state: { model: 'a/b', reads: 0, deadlineAt: new Date(now + 3_600_000).toISOString(), ...state },
    inputUrls: [],
  });
  const atWall = [order, handedOn({ phase: 'submitting', submission: 'refused', wall })];
  const retried = { ...cron, runId: 'run-3', continuedFromExecutionRunId: 'run-2', attempt: 2 };

  it('submits where a wall kept the run before it from that', async () => {
    expect((await begin(atWall, cron)).asked).toEqual(['submitRequest']);
  });

  it('does not where Temporal retries it, since the run before may have', async () => {
    const { state, asked } = await begin(atWall, retried);
    expect(asked).toEqual([]);
    expect(state).toMatchObject({
      phase: 'submission_unknown',
      submission: 'unknown',
      evidence: { reason: expect.stringContaining('a workflow retry policy (attempt 2)') as string },
    });
    expect(state.wall).toBeUndefined();
  });

  it('is replayed as it ran where it submitted in an earlier version', async () => {
    const execution = { workflowType: 'runcomfyGeneration', workflowId: 'order', args: atWall, now, ...retried };
    const opened = await sandbox.open(execution);
    expect(askedIn(await opened.activate([opened.first], { now, isReplaying: true }))).toEqual(['submitRequest']);
    await opened.dispose();
  });

  it('keeps what is known of a submission that was unknown before it was retried, and sends nothing', async () => {
    const evidence = { reason: 'no answer came', repliedRequestId: 'r1', note: '' };
    const held = [order, handedOn({ phase: 'submission_unknown', submission: 'unknown', evidence })];
    const { state, asked } = await begin(held, retried);
    expect([state.phase, state.evidence, asked]).toEqual(['submission_unknown', evidence, []]);
  });
});

describe('an argument that is not UTF-8', () => {
  const firstTask = async (...texts: Buffer[]) => {
    const execution = { workflowType: 'runcomfyPipeline', workflowId: 'order', args: [], now, ...cron };
    const opened = await sandbox.open(execution);
    const payloads = texts.map((data) => ({ metadata: { encoding: Buffer.from('json/plain') }, data }));
    const initializeWorkflow = { ...opened.first.initializeWorkflow, arguments: payloads };
    const commands = await opened.activate([{ initializeWorkflow }], { now });
    await opened.dispose();
    return { asked: askedIn(commands), failed: commands.filter((command) => command.failWorkflowExecution).length };
  };
  const plan = { version: 1, steps: { a: { ...order, input: { prompt: 'é' } } } };
  const text = JSON.stringify({ plan });

  it('is refused by each run of a cron schedule, not by its first alone', async () => {
    expect(await firstTask(Buffer.from(text))).toEqual({ asked: ['checkPlan'], failed: 0 });
    expect(await firstTask(Buffer.from(text, 'latin1'))).toEqual({ asked: [], failed: 1 });
  });

  it('counts for nothing where it is a second one', async () => {
    expect(await firstTask(Buffer.from(text), Buffer.from('"é"', 'latin1'))).toEqual({
      asked: ['checkPlan'],
      failed: 0,
    });
  });
});

describe('an argument nested so deep that whoever writes it again overflows the stack', () => {
  const workflows: [workflowType: string, argument: object, workflowId?: string][] = [
    ['runcomfyGeneration', { ...order, input: { deep: 0 } }],
    ['runcomfyPipeline', { plan: { deep: 0 } }],
    ['runcomfyPipeline', { plan: {}, params: { deep: 0 } }],
    ['runcomfyBatch', { items: [{ id: '1', ...order, input: { deep: 0 } }] }],
    ['runcomfyBatch', { plan: { deep: 0 }, items: [{ id: '1' }] }],
    ['runcomfyBatch', { defaults: { input: { deep: 0 } }, items: [{ id: '1', ...order }] }],
    ['runcomfyBudget', { limitUsd: 5, deep: 0 }, 'runcomfy-budget:acme'],
  ];
  it.each(workflows.map((workflow, at) => ({ workflow, at })))(
    'is refused by a run that Temporal starts by itself ($at: $workflow.0)',
    async ({ workflow: [workflowType, argument, workflowId = 'order'] }) => {
      const opened = await sandbox.open({ workflowType, workflowId, args: [], now, ...cron });
      const text = JSON.stringify(argument).replace('"deep":0', `"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}`);
      const data = Buffer.from(text);
      const payload = { metadata: { encoding: Buffer.from('json/plain') }, data };
      const initializeWorkflow = { ...opened.first.initializeWorkflow, arguments: [payload] };
      const commands = await opened.activate([{ initializeWorkflow }], { now });
      await opened.dispose();
      const types = commands.flatMap(({ failWorkflowExecution }) => {
        return failWorkflowExecution?.failure?.applicationFailureInfo?.type ?? [];
      });
      expect(types).toEqual(['InvalidInput']);
    },
  );
});

describe('a second argument that no run has handed on', () => {
  const plan = { version: 1, steps: { a: order } };
  const workflows: [workflowType: string, argument: object, workflowId?: string][] = [
    ['runcomfyGeneration', order],
    ['runcomfyPipeline', { plan }],
    ['runcomfyBatch', { items: [{ id: '1', ...order }] }],
    ['runcomfyBudget', { limitUsd: 5 }, 'runcomfy-budget:acme'],
  ];
  const junk = [
    { trace: 'x' },
    { state: 1 },
    { state: {} },
    { state: { phase: 'running' } },
    { state: { phase: 'running' }, checked: {} },
    { inline: [] },
    { books: {} },
    { books: { open: [] } },
    [],
    ['x'],
    'x',
    1,
    null,
  ];
  describe.each(workflows)('of %s', (workflowType, argument, workflowId = 'order') => {
    const firstTask = async (...args: unknown[]) => {
      const opened = await sandbox.open({ workflowType, workflowId, args, now, ...cron });
      const commands = await opened.activate([opened.first], { now });
      const state = await opened.query('state');
      await opened.dispose();
      return { commands, state };
    };

    it.each(junk.map((given) => ({ given })))(
      'is none to a run that Temporal starts by itself: %j',
      async ({ given }) => {
        expect(await firstTask(argument, given)).toEqual(await firstTask(argument));
      },
    );
  });
});
