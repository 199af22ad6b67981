import { expect, it } from 'vitest';
import { createCheckPlan } from '../../../../activities/pipeline/check-plan.ts';
import type { PipelineDeps } from '../../../../activities/pipeline/index.ts';
import type { StepQuestion } from '../../../../domain/pipeline/pipeline-activities.ts';
import { pipelineActivities } from '../../../fuzz/pipelines/activities.ts';
import type { Provider } from '../../../fuzz/pipelines/provider.ts';

const still = (prompt: string, more: object = {}) => ({ model: 'some/text-to-image', input: { prompt }, ...more });
const first = { key: 'film', startedAt: '2026-11-01T00:00:00.000Z' };
const plan = {
  version: 1,
  steps: {
    a: still('a'),
    gate: { approval: { choose: ['x', 'y'] } },
    many: still('${{ item }}', { forEach: ['x', 'y'] }),
    b: still('b', { needs: ['a'] }),
  },
};
const provider = { newest: () => undefined } as unknown as Provider;

it('a check prepares single orders and approvals that wait for no other step, for whoever asks for it', async () => {
  const { checkPlan } = pipelineActivities(provider, () => false);
  const asked = await checkPlan({ plan, lineage: 'film', first });
  expect(asked).toMatchObject({
    isSteady: true,
    prepared: {
      a: { kind: 'orders', orders: [{ kind: 'order', input: { prompt: 'a' } }] },
      gate: { kind: 'choose', choices: ['x', 'y'] },
    },
  });
  expect(new Set(Object.keys('prepared' in asked ? (asked.prepared ?? {}) : {}))).toEqual(new Set(['a', 'gate']));
  // A workflow of an older version would go on in its own way, and a newer one would replay it in another.
  const unasked = await checkPlan({ plan, lineage: 'film' });
  expect(unasked).not.toHaveProperty('isSteady');
  expect(unasked).not.toHaveProperty('prepared');
});

it('a check tells which search attributes are known, with the plan and with its issues, to whoever shows its phase', async () => {
  const deps = { lookup: {}, searchAttributes: () => ['RunComfyPhase'] } as unknown as PipelineDeps;
  const check = createCheckPlan(deps);
  const known = { searchAttributes: ['RunComfyPhase'] };
  expect(await check({ plan, showsPhase: true })).toMatchObject({ ...known, showsPhase: true });
  expect(await check({ plan: {}, showsPhase: true })).toMatchObject({ ...known, issues: expect.anything() as unknown });
  // A workflow of an older version would leave it out, and a newer one could not replay that.
  expect(await check({ plan })).not.toHaveProperty('showsPhase');
  expect(await check({ plan: {} })).not.toHaveProperty('searchAttributes');
});

it.each(['scene \ud83d', 'nul \0'])('a check refuses a lineage that no key can begin with: %j', async (lineage) => {
  const { checkPlan } = pipelineActivities(provider, () => false);
  expect(await checkPlan({ plan, lineage, first })).toMatchObject({ issues: [{ path: 'request.lineage' }] });
});

it('a check waits a few seconds for what it prepares, and leaves out what takes longer', async () => {
  const deps = {
    lookup: {},
    generations: { standingOf: () => new Promise(() => undefined) },
    isGone: () => Promise.resolve(false),
    searchAttributes: () => [],
  } as unknown as PipelineDeps;
  const answer = await createCheckPlan(deps)({ plan, lineage: 'film', first });
  expect(answer).toMatchObject({ isSteady: true, prepared: { gate: { kind: 'choose' } } });
  expect(answer).not.toHaveProperty('prepared.a');
});

it('a check prepares no order that follows one of its key: a reset would not look at that again', async () => {
  const failure = { type: 'InsufficientBalance', message: 'no balance left', submission: 'refused' };
  const unbilled = {
    runId: 'run-1',
    startedAt: 0,
    end: { failure },
    request: { model: 'some/text-to-image', input: {} },
  };
  const { checkPlan, prepareStep } = pipelineActivities({ newest: () => unbilled } as unknown as Provider, () => false);
  const answer = await checkPlan({ plan, lineage: 'film', first });
  expect(answer).toMatchObject({ isSteady: true, prepared: { gate: { kind: 'choose' } } });
  expect(answer).not.toHaveProperty('prepared.a');
  const step = { kind: 'model', order: plan.steps.a, fallback: [], attempts: 1 };
  const values = { declared: {}, params: {}, steps: [], key: 'film' };
  const question = { id: 'a', step, values, lineage: 'film', orderAgain: true } as unknown as StepQuestion;
  expect(await prepareStep(question)).toMatchObject({ orders: [{ kind: 'order', retryOfRunId: 'run-1' }] });
});
