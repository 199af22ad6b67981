import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { GenerationState } from '../../domain/generation.ts';
import type { PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import {
  type Command,
  type Job,
  openSandbox,
  type Sandbox,
  type SandboxExecution,
} from '../support/workflow-sandbox.ts';

const now = Date.parse('2026-11-26T05:00:00.000Z');
const minutes = (count: number) => count * 60_000;
const patch = 'deadlines-count-from-the-start';

const order = { model: 'a/b', input: { prompt: 'x' } };
const plan = { version: 1, steps: { still: order } };
const kinds: [workflowType: string, argument: object, type: string, first: string][] = [
  ['runcomfyGeneration', order, 'GenerationTimedOut', 'submitRequest'],
  ['runcomfyPipeline', { plan }, 'PipelineTimedOut', 'checkPlan'],
];

/** What begins a run that an operator has reset. */
const reset = { runId: 'run-2', firstExecutionRunId: 'run-1', originalExecutionRunId: 'run-1' };

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

interface Run extends Partial<SandboxExecution> {
  lateMs: number;
  /** It is replayed from a history that has the markers of these patches. */
  markers?: string[];
  /** Come with it. */
  signals?: string[];
}

const answers: Record<string, unknown> = { recallSubmit: { isReset: false }, checkWebhook: { issues: [] } };

/** What a run asks for whose first workflow task comes late, until it awaits what has no answer here. */
async function begin(workflowType: string, argument: object, { lateMs, markers, signals = [], ...run }: Run) {
  const execution = { workflowType, workflowId: 'order', runId: 'run-1', args: [argument], now };
  const opened = await sandbox.open({ ...execution, startedAt: now - lateMs, ...run });
  const known = (markers ?? []).map((patchId): Job => ({ notifyHasPatch: { patchId } }));
  known.push(...signals.map((signalName): Job => ({ signalWorkflow: { signalName, input: [] } })));
  const first = await opened.activate([opened.first, ...known], { now, isReplaying: markers !== undefined });
  const commands = [...first];
  for (const { scheduleActivity, scheduleLocalActivity } of commands) {
    const call = scheduleActivity ?? scheduleLocalActivity;
    const answer = answers[call?.activityType ?? ''];
    if (call === undefined || call === null || answer === undefined) continue;
    const result = { completed: { result: defaultPayloadConverter.toPayload(answer) } };
    const resolveActivity = { seq: call.seq ?? 0, isLocal: call === scheduleLocalActivity, result };
    commands.push(...(await opened.activate([{ resolveActivity }], { now })));
  }
  const state = (await opened.query('state')) as Pick<GenerationState, 'phase' | 'deadlineAt' | 'failure'>;
  await opened.dispose();
  const pick = <Value>(find: (command: Command) => Value | null | undefined) =>
    commands.flatMap((command) => find(command) ?? []);
  return {
    state,
    deadlineInMs: Date.parse(state.deadlineAt) - now,
    asked: pick(({ scheduleActivity }) => scheduleActivity?.activityType),
    asksFirst: first.flatMap(({ scheduleActivity }) => scheduleActivity?.activityType ?? []),
    patches: pick(({ setPatchMarker }) => setPatchMarker?.patchId),
    timers: pick(({ startTimer }) => startTimer && msOf(startTimer.startToFireTimeout)),
    endsAs: pick(({ failWorkflowExecution }) => failWorkflowExecution?.failure?.applicationFailureInfo?.type)[0],
  };
}

describe.each(kinds)('%s whose first workflow task comes late', (workflowType, argument, type, first) => {
  const start = (run: Run, more: object = {}) => begin(workflowType, { ...argument, ...more }, run);

  it('sends nothing where its deadline has passed', async () => {
    const run = await start({ lateMs: minutes(120) }, { deadlineMs: minutes(10) });
    expect(run.asked).not.toContain(first);
    expect([run.endsAs, run.state.phase]).toEqual([type, 'timed_out']);
    expect(run.deadlineInMs).toBe(minutes(-110));
  });

  it('has what is left of its deadline', async () => {
    const run = await start({ lateMs: minutes(120) }, { deadlineMs: minutes(180) });
    expect([run.asked, run.deadlineInMs]).toEqual([[first], minutes(60)]);
  });

  it('counts from the end of a delay of its start', async () => {
    const run = await start({ lateMs: minutes(120), delayMs: minutes(100) }, { deadlineMs: minutes(30) });
    expect([run.asked, run.deadlineInMs]).toEqual([[first], minutes(10)]);
  });

  it('pays no marker where it comes within seconds, or as soon as a delay is over', async () => {
    for (const run of [{ lateMs: 4_000 }, { lateMs: minutes(120) + 4_000, delayMs: minutes(120) }]) {
      const { asked, deadlineInMs, patches } = await start(run, { deadlineMs: minutes(10) });
      expect([asked, deadlineInMs]).toEqual([[first], minutes(10)]);
      expect(patches).not.toContain(patch);
    }
  });

  it('counts from its start within seconds, too, where these are much of its deadline', async () => {
    const over = await start({ lateMs: 4_000 }, { deadlineMs: 2_000 });
    expect(over.asked).not.toContain(first);
    expect([over.endsAs, over.deadlineInMs]).toEqual([type, -2_000]);
    const open = await start({ lateMs: 4_000 }, { deadlineMs: 60_000 });
    expect([open.asked, open.deadlineInMs]).toEqual([[first], 56_000]);
    const prompt = await start({ lateMs: 3_000 }, { deadlineMs: 60_000 });
    expect([prompt.deadlineInMs, prompt.patches]).toEqual([60_000, expect.not.arrayContaining([patch])]);
  });

  it('has its whole deadline from a reset on, and what is left where the reset came later', async () => {
    const late = { ...reset, lateMs: minutes(120) };
    const anew = await start(late, { deadlineMs: minutes(180) });
    expect([anew.deadlineInMs, anew.patches]).toEqual([minutes(180), expect.not.arrayContaining([patch])]);
    const later = await start({ ...late, markers: [patch] }, { deadlineMs: minutes(180) });
    expect(later.deadlineInMs).toBe(minutes(60));
  });

  it('has a timer for its deadline, also where a cancel comes with it', async () => {
    const { timers } = await start({ lateMs: 0, signals: ['cancel'] }, { deadlineMs: minutes(10) });
    expect(timers).toContain(minutes(10));
  });

  it.each([
    [minutes(120), minutes(10)],
    [4_000, 2_000],
  ])('is replayed as it ran in an earlier version, %i ms late', async (lateMs, deadlineMs) => {
    const run = await start({ lateMs, markers: [] }, { deadlineMs });
    expect([run.asksFirst, run.deadlineInMs]).toEqual([[first], deadlineMs]);
  });
});

describe('a generation whose deadline has passed before its first workflow task', () => {
  const late = (more: object, lateMs = minutes(120)) =>
    begin('runcomfyGeneration', { ...order, deadlineMs: minutes(10), ...more }, { lateMs });

  it.each([['no webhook'], ['a webhook', { url: 'https://hooks.example/', secret: 'acme' }]])(
    'ends as one that may be ordered again, with %s',
    async (_what, webhook?: object) => {
      const { state, asked } = await late({ ...(webhook && { webhook }) });
      expect(asked).not.toContain('submitRequest');
      expect(state.failure).toMatchObject({ type: 'GenerationTimedOut', details: { submission: 'not_sent' } });
    },
  );

  it('ends as one that may be ordered again also where that was seconds ago', async () => {
    const { state, asked } = await late({ deadlineMs: 2_000 }, 4_000);
    expect(asked).not.toContain('submitRequest');
    expect(state.failure).toMatchObject({ type: 'GenerationTimedOut', details: { submission: 'not_sent' } });
  });

  it('asks RunComfy to cancel a request that it was to take over', async () => {
    const { asked, endsAs } = await late({ requestId: 'r1' });
    expect([asked, endsAs]).toEqual([['cancelRequest'], undefined]);
  });

  it('sends nothing in the last moments of its run either', async () => {
    const execution = { lateMs: minutes(9.5), runTimeoutMs: minutes(10) };
    const { asked, endsAs } = await begin('runcomfyGeneration', order, execution);
    expect([asked, endsAs]).toEqual([['recallSubmit'], 'GenerationTimedOut']);
  });
});

describe('a pipeline whose deadline has passed as a run continues it', () => {
  const iso = (ms: number) => new Date(now + ms).toISOString();
  const times = { startedAt: iso(minutes(-120)), deadlineAt: iso(minutes(-1)) };
  const state = { phase: 'running', ...times, costUsd: 0, reservedUsd: 0, steps: [], warnings: [] };
  const checked = { plan: { steps: {} }, steps: [], searchAttributes: [], isSteady: true };
  const carried = { state, checked, money: { spent: 0, presumed: 0, reserved: 0 }, ordersMade: 1 };
  const chain = { continuedFromExecutionRunId: 'before', args: [{ plan }, { ...carried, handedOnBy: 'before' }] };

  it('ends before it orders more', async () => {
    const { state: end, endsAs } = await begin('runcomfyPipeline', { plan }, { lateMs: 0, ...chain });
    expect([end.phase, endsAs]).toEqual(['timed_out', 'PipelineTimedOut']);
  });

  it('is replayed as it ran in an earlier version', async () => {
    const { state: end } = await begin('runcomfyPipeline', { plan }, { lateMs: 0, markers: [], ...chain });
    expect(end.phase).toBe('succeeded');
  });

  /** A fan-out that is half paid, an order that may have a further attempt, an approval that is asked for, and what waits. */
  const begun = () => {
    const output = { images: ['i'], videos: [], audios: [] };
    const paid = (index: number) => ({ index, phase: 'succeeded', key: `k@${String(index)}`, output, costUsd: 0.5 });
    const failure = { type: 'GenerationFailed', message: 'no', submission: 'accepted' };
    const failed = { index: 2, phase: 'failed', failure };
    const many = [paid(0), paid(1), failed, { index: 3, phase: 'preparing', failure }, { index: 4, phase: 'waiting' }];
    const deadlineAt = iso(minutes(60));
    const approved = { deadlineAt, onDeadline: 'reject', decision: 'approve' };
    const steps = [
      { id: 'many', phase: 'ordered', items: many },
      { id: 'few', phase: 'ordered', items: [paid(0), { index: 1, phase: 'waiting' }] },
      { id: 'again', phase: 'preparing', failure },
      { id: 'first', phase: 'preparing' },
      { id: 'asked', phase: 'awaiting_decision', approval: { deadlineAt, onDeadline: 'approve' } },
      { id: 'approved', phase: 'awaiting_decision', approval: approved },
      { id: 'last', phase: 'waiting' },
    ];
    const order = {
      kind: 'model',
      maxParallel: 1,
      attempts: 2,
      fallback: [],
      runsWhen: 'succeeded',
      onFailure: 'fail',
    };
    const ask = { kind: 'approval', runsWhen: 'succeeded', onFailure: 'fail' };
    const kindOf = ({ approval }: { approval?: object }) => (approval ? ask : order);
    const planned = Object.fromEntries(steps.map((step) => [step.id, kindOf(step)]));
    return {
      ...carried,
      state: { ...state, steps },
      checked: { ...checked, plan: { steps: planned }, steps: steps.map(({ id }) => ({ id, steps: [] })) },
      handedOnBy: 'before',
    };
  };

  it.each([
    ['late', 'timed_out', begun(), []],
    ['cancelled', 'cancelled', { ...begun(), state: { ...begun().state, deadlineAt: iso(minutes(60)) } }, ['cancel']],
  ])('tells what an earlier run had begun as what it has come to where it is %s', async (_, phase, given, signals) => {
    const run: Run = { lateMs: 0, ...chain, args: [{ plan }, given], signals };
    const { state: end, asked } = await begin('runcomfyPipeline', { plan }, run);
    expect([end.phase, asked]).toEqual([phase, []]);
    const { steps } = end as unknown as PipelineState;
    expect(Object.fromEntries(steps.map(({ id, phase: its }) => [id, its]))).toEqual({
      many: 'failed',
      few: 'not_started',
      again: 'failed',
      first: 'not_started',
      asked: 'cancelled',
      approved: 'succeeded',
      last: 'not_started',
    });
    const [many, few] = steps;
    expect(many?.items?.map((item) => item.phase)).toEqual([
      'succeeded',
      'succeeded',
      'failed',
      'failed',
      'not_started',
    ]);
    expect(many).toMatchObject({ costUsd: 1, failure: { submission: 'accepted' } });
    expect(few).toMatchObject({ costUsd: 0.5, items: [{ phase: 'succeeded' }, { phase: 'not_started' }] });
  });
});
