import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PipelineRequest } from '../../domain/pipeline/pipeline-run.ts';
import { pipelineActivities } from '../fuzz/pipelines/activities.ts';
import { startExecution } from '../fuzz/pipelines/execution.ts';
import { createProvider, type Fate } from '../fuzz/pipelines/provider.ts';
import { createVirtualTime } from '../fuzz/pipelines/virtual-time.ts';
import type { Came, Ordering } from '../support/ordering-workflow.ts';
import { flux } from '../support/simulator-client.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await openSandbox(
    await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../support/ordering-workflow.ts', import.meta.url)),
      logger: new DefaultLogger('WARN'),
    }),
  );
});
afterAll(() => sandbox.close());

/** Runs a user's workflow `film` that orders these, of which each that is sent has the next fate. */
async function order(ordering: Ordering, fates: Fate[] = ['succeeds']) {
  const time = createVirtualTime(1);
  const provider = createProvider(time, (at) => fates[at] ?? 'succeeds');
  const execution = await startExecution({
    sandbox,
    time,
    provider,
    activities: pipelineActivities(provider, () => false),
    workflowType: 'ordering',
    id: 'film-1',
    key: 'film',
    request: ordering as unknown as PipelineRequest,
    tasksPerRun: 100_000,
    lostAnswers: [],
  });
  await time.run(() => execution.end !== undefined);
  const { end } = execution;
  if (end === undefined || 'error' in end) throw end?.error ?? new Error('it never ended');
  await execution.dispose();
  return { came: end.result as unknown as Came[], provider, execution };
}

const still = (place: Ordering['orders'][number]['place'], prompt = 'a cat') => ({
  model: flux,
  input: { prompt },
  place,
});
const failed = (type: string, submission: string) => expect.objectContaining({ type, submission }) as unknown;

describe("generate, in a workflow of one's own", () => {
  it('orders anew what provably cost nothing, and what may have been billed only where that is wanted', async () => {
    const orders = [{}, {}, {}, {}, { orderAgain: true }, {}].map((more) => still({ step: 'still', ...more }));
    const { came, provider } = await order({ orders }, ['meets an empty wallet', 'is refused', 'fails']);
    const key = came[0]?.key ?? '';
    expect(key).toMatch(/^film\/still@[0-9a-f]{12}$/);
    expect(came).toEqual([
      { key, failure: failed('InsufficientBalance', 'refused') },
      { key, failure: failed('InvalidInput', 'refused') },
      { key, failure: failed('GenerationFailed', 'accepted') },
      { key, failure: failed('GenerationFailed', 'accepted') },
      { key: `${key}~2`, reused: false, requestId: 'request-2' },
      { key: `${key}~2`, reused: true, requestId: 'request-2' },
    ]);
    expect(provider.runs.map((run) => run.key)).toEqual([key, key, key, `${key}~2`]);
    expect(provider.jobs.map(({ state }) => state)).toEqual(['failed', 'succeeded']);
  });

  it('takes a key as it is, and refuses it for another order', async () => {
    const orders = [still({ key: 'poster' }), still({ key: 'poster' }), still({ key: 'poster' }, 'a dog')];
    const other = { ...still({ key: 'poster' }), model: 'a/b' };
    const { came, provider } = await order({ orders: [...orders, other] });
    const refused = (what: string) => ({
      type: 'InvalidInput',
      message: `key "poster" was ordered with ${what}: choose another key, or give a step`,
      submission: 'not_sent',
    });
    expect(came).toEqual([
      { key: 'poster', reused: false, requestId: 'request-1' },
      { key: 'poster', reused: true, requestId: 'request-1' },
      { failure: refused('another input') },
      { failure: refused(`model ${flux}`) },
    ]);
    expect(provider.jobs).toHaveLength(1);
  });

  it.each([
    ['neither a step nor a key', {}],
    ['both', { step: 'still', key: 'poster' }],
  ])('refuses a place that has %s, and asks nobody', async (_what, place) => {
    const { came, provider, execution } = await order({ orders: [still(place)] });
    const failure = { type: 'InvalidInput', message: 'generate: give a step, or a key', submission: 'not_sent' };
    expect(came).toEqual([{ failure }]);
    expect(provider.runs).toEqual([]);
    expect(execution.tasks).toHaveLength(1);
  });

  it.each<[string, Ordering['orders'][number]['place'], string]>([
    ['a key with half a character', { key: 'scene \ud83d' }, 'half a character (a lone surrogate)'],
    [
      'a lineage with half a character',
      { step: 'still', lineage: 'scene \ud83d' },
      'half a character (a lone surrogate)',
    ],
    ['a step with half a character', { step: 'scene \ud83d' }, 'half a character (a lone surrogate)'],
    ['a key with a NUL', { key: 'nul \0' }, 'a NUL character'],
    ['an empty key', { key: '' }, 'nothing'],
  ])('refuses %s, which Temporal could not keep', async (_what, place, problem) => {
    const { came, provider } = await order({ orders: [still(place)] });
    const failure = { type: 'InvalidInput', message: `its key holds ${problem}`, submission: 'not_sent' };
    expect(came).toEqual([{ failure }]);
    expect(provider.runs).toEqual([]);
  });

  it('orders equal inputs of a step once, another take, input, step or lineage by itself', async () => {
    const same = [still({ step: 'still' }), still({ step: 'still' })];
    const others = [
      still({ step: 'still', take: 2 }),
      still({ step: 'still' }, 'a dog'),
      still({ step: 'other' }),
      still({ step: 'still', lineage: 'series' }),
    ];
    const { came, provider, execution } = await order({ orders: [...same, ...others], areTogether: true });
    const keys = came.map(({ key }) => key);
    expect(keys[1]).toBe(keys[0]);
    expect(came[1]?.requestId).toBe(came[0]?.requestId);
    expect(new Set(keys).size).toBe(5);
    expect(keys[5]).toBe(keys[0]?.replace('film/', 'series/'));
    expect(provider.jobs).toHaveLength(5);
    const starts = execution.tasks.flatMap(({ commands }) =>
      commands.flatMap(({ startChildWorkflowExecution: start }) => start ?? []),
    );
    // Workers of generations listen there; whoever orders may end in whatever way, and asks them to cancel.
    const place = { workflowType: 'runcomfyGeneration', taskQueue: 'runcomfy', parentClosePolicy: 3 };
    for (const start of starts) expect(start).toMatchObject(place);
  });
});
