import { describe, expect, it } from 'vitest';
import { sumUp } from '../../../domain/estimate.ts';
import { checkPlan } from '../../../plans/check-plan.ts';
import { estimateModel, estimateOrders } from '../../../plans/estimate.ts';
import type { CatalogueModel } from '../../../runcomfy/schemas/catalogue.ts';

const kling = 'kling/kling-3.0/standard/image-to-video';
const image = 'some/text-to-image';
const tokens = 'some/text-to-speech';
const catalogue: Record<string, CatalogueModel> = {
  [image]: {
    modelId: image,
    categories: [],
    basePriceUsd: 0.035,
    priceUnit: 'image',
    inputSchema: { type: 'object', properties: { num_images: { type: 'integer' } } },
  },
  [tokens]: { modelId: tokens, categories: [], basePriceUsd: 0.1, priceUnit: 'token' },
};
const getModel = (id: string): Promise<CatalogueModel> => {
  const entry = catalogue[id];
  return entry ? Promise.resolve(entry) : Promise.reject(new Error('catalogue unreachable'));
};
const clip = (more: Record<string, unknown>) => ({
  model: kling,
  input: { prompt: 'calm', start_image_url: 'https://example.org/a.png', generate_audio: true, duration: 5, ...more },
});
const linesOf = async (steps: Record<string, unknown>) => {
  const { issues, checked } = await checkPlan({ version: 1, steps }, { getModel });
  expect(issues).toEqual([]);
  return estimateOrders(checked?.orders ?? []);
};

describe('an estimate', () => {
  it('adds up the items of a step in whole micro-dollars', async () => {
    const lines = await linesOf({ a: { model: image, forEach: [1, 2, 3], input: { num_images: '${{ item }}' } } });
    expect(lines).toEqual([
      { what: 'a', model: image, count: 3, unitPriceUsd: 0.035, unit: 'image', units: 6, priceUsd: 0.21 },
    ]);
  });

  it('says of each price that it cannot know why, and takes a ceiling in its place', async () => {
    const lines = await linesOf({
      still: { model: image, input: {} },
      long: { ...clip({ duration: '${{ size(steps.still.images) + 4 }}' }) },
      each: { model: image, forEach: '${{ steps.still.images }}', input: {} },
      voice: { model: tokens, input: {} },
      capped: { model: tokens, input: {}, maxPriceUsd: 0.5 },
      gone: { model: 'some/other', input: {} },
    });
    expect(lines.map(({ what, priceUsd, why }) => [what, priceUsd, why])).toEqual([
      ['still', 0.035, undefined],
      ['long', null, 'duration comes from step still'],
      ['each', null, 'how many orders there will be comes from a step'],
      ['voice', null, 'price_unit "token" is not understood, or what it counts is not in the input'],
      ['capped', 0.5, undefined],
      ['gone', null, 'catalogue unreachable'],
    ]);
    expect(sumUp(lines, 12.5)).toMatchObject({
      currency: 'USD',
      totalUsd: null,
      atLeastUsd: 0.535,
      unknown: 4,
      balanceUsd: 12.5,
    });
  });

  it('counts the items of a list that the plan writes out, though what they are comes from a step', async () => {
    const still = { model: image, input: {} };
    const forEach = ['${{ steps.still.image }}', '${{ pipeline.key }}', 'x'];
    const each = { ...clip({ prompt: '${{ item }}' }), forEach };
    const long = { ...clip({ duration: '${{ index + 3 }}' }), forEach };
    const lines = await linesOf({ still, each, long });
    expect(lines.map(({ what, count, priceUsd, why }) => [what, count, priceUsd, why])).toEqual([
      ['still', 1, 0.035, undefined],
      ['each', 3, 1.89, undefined],
      ['long', 3, null, 'duration comes from an item'],
    ]);
  });

  it('leaves out what the params do not want, and what would follow it', async () => {
    const still = { model: image, input: {} };
    const steps = {
      after: { ...still, needs: ['unwanted'] },
      last: { ...still, needs: ['after'], runsWhen: 'ended' },
      unwanted: {
        model: tokens,
        input: {},
        if: 'params.music',
        onFailure: { fallback: [{ model: tokens, input: {} }] },
      },
      unread: { ...still, if: 'params.o.more', needs: ['unwanted'] },
      keyed: { ...still, if: 'pipeline.key == "film"' },
    };
    const plan = { version: 1, params: { music: { type: 'boolean' }, o: { type: 'object', default: {} } }, steps };
    const planned = async (music: boolean) =>
      (await checkPlan(plan, { getModel, params: { music }, maxCostUsd: 0.07 })).checked?.orders.map(
        ({ step }) => step,
      );
    expect(await planned(false)).toEqual(['last', 'keyed']);
    expect(await planned(true)).toBeUndefined();
  });

  it('refuses no condition that the params leave without a value where the step may be skipped first', async () => {
    const still = { model: image, input: {} };
    const first = { ...still, if: 'size(steps.still.images) > 1' };
    const planOf = (more: object) => ({
      version: 1,
      params: { refs: { type: 'list', default: [] }, o: { type: 'object', default: { wanted: 'yes' } } },
      steps: { still, first, last: { ...still, needs: ['first'], if: 'params.refs[0] == "x"', ...more } },
    });
    const planned = async (more: object) => (await checkPlan(planOf(more), { getModel })).checked?.orders.length;
    expect(await planned({})).toBe(3);
    expect(await planned({ if: 'params.o.wanted' })).toBe(3);
    expect(await planned({ runsWhen: 'ended' })).toBeUndefined();
    expect(await planned({ needs: [] })).toBeUndefined();
  });

  it('refuses a condition that the params leave without a value where nothing that goes well skips the step', async () => {
    const still = { model: image, input: {} };
    const last = { ...still, if: 'params.refs[0] == "x"' };
    const refused = async (steps: object) => {
      const plan = { version: 1, params: { refs: { type: 'list', default: [] } }, steps: { still, ...steps } };
      return (await checkPlan(plan, { getModel })).issues.map(({ path }) => path);
    };
    expect(await refused({ last: { ...last, needs: ['still'] } })).toEqual(['$.steps.last.if']);
    const first = { ...still, needs: ['still'], if: 'size(params.refs) == 0' };
    expect(await refused({ first, last: { ...last, needs: ['first'] } })).toEqual(['$.steps.last.if']);
    const ok = { approval: {}, needs: ['still'] };
    expect(await refused({ ok, last: { ...last, needs: ['ok'] } })).toEqual([]);
    const ended = { ...still, needs: ['ok'], runsWhen: 'ended' };
    expect(await refused({ ok, ended, last: { ...last, needs: ['ended'] } })).toEqual(['$.steps.last.if']);
  });

  it('evaluates nothing of a step that the params do not want', async () => {
    const upscaler = { type: 'string', default: '' };
    const params = { refs: { type: 'list', default: [] }, n: { type: 'integer', default: 3 }, upscaler };
    const planned = async (step: object, given: Record<string, unknown> = {}) => {
      const own = { model: image, input: {}, if: 'size(params.refs) > 0', ...step };
      return (await checkPlan({ version: 1, params, steps: { own } }, { getModel, params: given })).checked?.orders;
    };
    expect(await planned({ input: { num_images: '${{ params.refs[0] }}' } })).toEqual([]);
    expect(await planned({ model: kling, input: { ...clip({}).input, duration: '${{ params.n + 1 }}' } })).toEqual([]);
    expect(await planned({ forEach: 'params.refs[0]' })).toEqual([]);
    expect(await planned({ forEach: ['${{ params.refs[0] }}'] })).toEqual([]);
    expect(await planned({ input: { num_images: '${{ params.refs[0] }}' }, if: 'params.n > 2' })).toBeUndefined();
    expect(await planned({ input: { num_images: '${{ params.ref }}' } })).toBeUndefined();
    const upscale = { model: '${{ params.upscaler }}', if: 'params.upscaler != ""' };
    const models = [upscale, { model: '${{ params.refs[0] }}' }];
    for (const { model, ...step } of models) {
      expect(await planned({ model, ...step })).toEqual([]);
      expect(await planned({ onFailure: { fallback: [{ model, input: {} }] }, ...step })).toEqual([]);
      expect(await planned({ model, ...step }, { upscaler: 'x', refs: ['x'] })).toBeUndefined();
      expect(await planned({ model, ...step, input: { num_images: '${{ params.ref }}' } })).toBeUndefined();
    }
    expect(await planned(upscale, { upscaler: image })).toHaveLength(1);
    expect(await planned({ model: '${{ params.other }}' })).toBeUndefined();
    expect(await planned({ model: 'x' })).toBeUndefined();
  });

  it('prices a bundled model without any catalogue', async () => {
    const line = await estimateModel(kling, clip({}).input, { count: 10 });
    expect(line).toMatchObject({ what: kling, count: 10, priceUsd: 6.3 });
    expect(sumUp([line]).totalUsd).toBe(6.3);
  });
});

describe('a plan with a limit of money', () => {
  const check = (steps: Record<string, unknown>, maxCostUsd: number) =>
    checkPlan({ version: 1, steps }, { getModel, maxCostUsd });

  it('is refused where a price cannot be known', async () => {
    const { issues } = await check({ x: { model: tokens, input: {} } }, 10);
    expect(issues).toEqual([
      { path: '$.steps.x', message: expect.stringMatching(/^price unknown \(.*\); give maxPriceUsd$/) },
    ]);
  });

  it('is refused where a price cannot be known, too, under budgets alone', async () => {
    const steps = { x: { model: tokens, input: {} }, y: { model: tokens, input: {}, maxPriceUsd: 900 } };
    const { issues } = await checkPlan({ version: 1, steps }, { getModel, needsPrices: true });
    expect(issues.map(({ path }) => path)).toEqual(['$.steps.x']);
  });

  it('is refused where nothing that its steps make, or that fails, will tell the price of an order', async () => {
    const still = { model: image, input: {} };
    const forEach = '${{ steps.still.images }}';
    const refused = async (steps: Record<string, unknown>) =>
      (await check({ still, ...steps }, 10)).issues.map(({ path, message }) => `${path} ${message.slice(0, 13)}`);
    expect(await refused({ x: { model: tokens, forEach, input: {} } })).toEqual(['$.steps.x price unknown']);
    expect(await refused({ x: { model: 'some/other', forEach, input: {} } })).toEqual(['$.steps.x price unknown']);
    const fallback = (...others: object[]) => ({ x: { ...still, onFailure: { fallback: others } } });
    expect(await refused(fallback(still, { model: tokens, input: {} }))).toEqual([
      '$.steps.x.onFailure.fallback[1] price unknown',
    ]);
    const ofItems = { model: kling, forEach, input: { ...clip({}).input, duration: '${{ index + 3 }}' } };
    expect(await refused({ x: ofItems, y: { ...still, forEach } })).toEqual([]);
    expect(await refused({ x: { model: tokens, forEach, input: {}, maxPriceUsd: 1 } })).toEqual([]);
    expect(await refused(fallback({ model: tokens, input: {}, maxPriceUsd: 1 }))).toEqual([]);
  });

  it('is told from one that only the catalogue keeps from being priced', async () => {
    const away = { model: 'some/other', input: {} };
    expect(await check({ away }, 10)).toMatchObject({ isOnlyAway: true });
    expect(await check({ away, x: { model: tokens, input: {} } }, 10)).not.toHaveProperty('isOnlyAway');
    expect(await check({ away, x: { model: image, input: { num_images: [] } } }, 10)).not.toHaveProperty('isOnlyAway');
    expect(await check({ away: { ...away, maxPriceUsd: 1 } }, 10)).not.toHaveProperty('isOnlyAway');
  });

  it('is refused where the orders that are known cost more', async () => {
    const { issues } = await check({ a: clip({}), b: clip({}) }, 1);
    expect(issues).toEqual([{ path: '$.steps', message: 'the orders cost at least 1.26 USD, and maxCostUsd is 1' }]);
  });

  it('passes within it', async () => {
    const { issues } = await check({ a: clip({}), x: { model: tokens, input: {}, maxPriceUsd: 0.1 } }, 1);
    expect(issues).toEqual([]);
  });
});
