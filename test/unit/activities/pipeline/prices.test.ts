import { describe, expect, it } from 'vitest';
import type { StepQuestion } from '../../../../domain/pipeline/pipeline-activities.ts';
import { RunComfyError } from '../../../../runcomfy/errors.ts';
import { pipelineActivities } from '../../../fuzz/pipelines/activities.ts';
import type { Provider } from '../../../fuzz/pipelines/provider.ts';

const model = 'some/text-to-image';
const plan = { version: 1, steps: { only: { model, input: { prompt: 'a cat' } } } };
const provider = { newest: () => undefined } as unknown as Provider;
const under = (getModel: () => Promise<never>) => pipelineActivities(provider, () => false, { getModel });
const away = under(() => Promise.reject(new Error('too slow')));
const question = {
  id: 'only',
  step: { kind: 'model', order: plan.steps.only, fallback: [], attempts: 1 },
  values: { declared: {}, params: {}, steps: [], key: 'film' },
  lineage: 'film',
  needsPrices: true,
} as unknown as StepQuestion;

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
    await expect(away.prepareStep(question)).rejects.toThrow(`what ${model} costs cannot be told: too slow`);
    const unlimited = { ...question, needsPrices: false };
    expect(await away.prepareStep(unlimited)).toMatchObject({ orders: [{ kind: 'order' }] });
  });
});

it('the price of a fallback keeps nobody from following an order that runs', async () => {
  const keys = new Set<string>();
  const newest = (key: string) => (keys.add(key).size === 1 ? { runId: 'run-1', startedAt: 0 } : undefined);
  const getModel = () => Promise.reject(new Error('too slow'));
  const activities = pipelineActivities({ newest } as unknown as Provider, () => false, { getModel });
  const fallback = [{ model: 'some/other', input: { prompt: 'a cat' } }];
  const answer = await activities.prepareStep({ ...question, step: { ...question.step, fallback } } as StepQuestion);
  expect(answer).toMatchObject({ orders: [{ kind: 'attach', key: [...keys][0], model }] });
  expect(keys.size).toBeGreaterThan(1);
});

describe('a price that RunComfy does not tell for a refused token', () => {
  const cause = new Error('no such file');
  const refused = under(() => Promise.reject(new RunComfyError('Unauthenticated', 'no entry', { httpStatus: 401 })));
  const unread = under(() => Promise.reject(new RunComfyError('Unauthenticated', 'no token', { cause })));
  const path = '$.steps.only';

  it('refuses a plan with a limit, where its orders do not wait at walls', async () => {
    const issues = [{ path, message: 'price unknown (no entry); give maxPriceUsd' }];
    expect(await refused.checkPlan({ plan, maxCostUsd: 1 })).toEqual({ issues });
    const patient = { version: 1, steps: { only: { ...plan.steps.only, onWall: 'wait' } } };
    await expect(refused.checkPlan({ plan: patient, maxCostUsd: 1 })).rejects.toThrow('no entry');
    await expect(refused.checkPlan({ plan, maxCostUsd: 1, onWall: 'wait' })).rejects.toThrow('no entry');
    await expect(unread.checkPlan({ plan, maxCostUsd: 1 })).rejects.toThrow('no token');
  });

  it('ends a step as the submit of its order would', async () => {
    const failure = {
      type: 'Unauthenticated',
      message: `nothing was sent: what ${model} costs cannot be told: no entry`,
      submission: 'not_sent',
    };
    expect(await refused.prepareStep(question)).toMatchObject({ orders: [{ kind: 'failed', failure }] });
    await expect(refused.prepareStep({ ...question, onWall: 'wait' })).rejects.toThrow('no entry');
    await expect(unread.prepareStep(question)).rejects.toThrow('no token');
  });
});

it('what a plan costs refuses no run again: what earlier runs made is not paid once more', async () => {
  const url = 'https://files.example.com/a.png';
  const output = { images: [url], videos: [], audios: [] };
  const made = { runId: 'run-1', startedAt: 0, end: { result: { requestId: 'r', output } } };
  const newest = (key: string) => (key.startsWith('film/only@') ? made : undefined);
  const { checkPlan } = pipelineActivities({ newest } as unknown as Provider, () => false);
  const steps = { only: { ...plan.steps.only, maxPriceUsd: 5 } };
  const first = { key: 'film', startedAt: '2026-11-01T00:00:00.000Z' };
  const question = { plan: { version: 1, steps }, maxCostUsd: 2, lineage: 'film' };
  const message = 'the orders cost at least 5 USD, and maxCostUsd is 2';
  expect(await checkPlan({ ...question, first })).toEqual({ issues: [{ path: '$.steps', message }] });
  const again = { ...first, orderAgain: true };
  expect(await checkPlan({ ...question, first: again })).toHaveProperty('steps');
  const never = await checkPlan({ ...question, lineage: 'other', first: again });
  expect(never).toEqual({ issues: [{ path: '$.steps', message }] });
  const pick = { approval: { choose: '${{ steps.only.images }}' } };
  const chosen = { ...steps.only, input: { prompt: 'like ${{ steps.pick.choice }}' } };
  const decided = { version: 1, steps: { ...steps, pick, chosen } };
  expect(await checkPlan({ ...question, plan: decided, first: again })).toHaveProperty('steps');
  const unpriced = await checkPlan({ ...question, plan, first: again });
  expect(unpriced).toMatchObject({ issues: [{ path: '$.steps.only' }] });
});
