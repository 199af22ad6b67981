import { expect, it } from 'vitest';
import { createCheckPlan } from '../../../../activities/pipeline/check-plan.ts';
import type { PipelineDeps } from '../../../../activities/pipeline/index.ts';
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
