import { describe, expect, it } from 'vitest';
import type { StepQuestion } from '../../../../domain/pipeline-activities.ts';
import { pipelineActivities } from '../../../fuzz/pipelines/activities.ts';
import type { Provider } from '../../../fuzz/pipelines/provider.ts';

const model = 'some/text-to-image';
const plan = { version: 1, steps: { only: { model, input: { prompt: 'a cat' } } } };
const provider = { newest: () => undefined } as unknown as Provider;
const under = (getModel: () => Promise<never>) => pipelineActivities(provider, () => false, { getModel });
const away = under(() => Promise.reject(new Error('too slow')));

describe('a price that the catalogue does not tell now', () => {
  it('keeps a plan with a limit from being judged', async () => {
    const sentence = '$.steps.only: price unknown (too slow); give maxPriceUsd';
    await expect(away.checkPlan({ plan, maxCostUsd: 1 })).rejects.toThrow(sentence);
    await expect(away.checkPlan({ plan, needsPrices: true })).rejects.toThrow(sentence);
    expect(await away.checkPlan({ plan })).toHaveProperty('steps');
    const wrong = { ...plan, outputs: { image: '${{ steps.other.image }}' } };
    expect(await away.checkPlan({ plan: wrong, maxCostUsd: 1 })).toHaveProperty('issues');
  });

  it('keeps a step from being ordered where a limit depends on it', async () => {
    const question = {
      id: 'only',
      step: { kind: 'model', order: plan.steps.only, fallback: [], attempts: 1 },
      values: { declared: {}, params: {}, steps: [], key: 'film' },
      lineage: 'film',
    } as unknown as StepQuestion;
    await expect(away.prepareStep({ ...question, needsPrices: true })).rejects.toThrow(
      `what ${model} costs cannot be told: too slow`,
    );
    expect(await away.prepareStep(question)).toMatchObject({ orders: [{ kind: 'order' }] });
  });
});
