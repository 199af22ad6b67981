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

/** What a generation asks for until it has an answer about its webhook, and where it then stands. */
async function begin(args: unknown[], run: Partial<SandboxExecution>, check: WebhookCheck = { issues: [] }) {
  const execution = { workflowType: 'runcomfyGeneration', workflowId: 'order', runId: 'run-1', args, now, ...run };
  const opened = await sandbox.open(execution);
  const commands = await opened.activate([opened.first], { now });
  for (const { scheduleLocalActivity } of [...commands]) {
    if (!scheduleLocalActivity) continue;
    const result = { completed: { result: defaultPayloadConverter.toPayload(check) } };
    const answer = { seq: scheduleLocalActivity.seq ?? 0, isLocal: true, result };
    commands.push(...(await opened.activate([{ resolveActivity: answer }], { now })));
  }
  const state = (await opened.query('state')) as GenerationState;
  await opened.dispose();
  return { state, asked: askedIn(commands), failure: state.failure };
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
