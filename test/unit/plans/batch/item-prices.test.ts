import { expect, it } from 'vitest';
import { checkItemFile } from '../../../../plans/batch/check-item-file.ts';

const image = 'some/text-to-image';
const tokens = 'some/text-to-speech';
const getModel = (modelId: string) =>
  Promise.resolve({ modelId, categories: [], basePriceUsd: 0.01, priceUnit: modelId === tokens ? 'token' : 'second' });

/** A file of items of one model each. */
function fileOf(items: object[]) {
  const text = items.map((item, at) => JSON.stringify({ id: String(at), ...item })).join('\n');
  return {
    async *open() {
      yield await Promise.resolve(Buffer.from(text));
    },
  };
}

const priced = { model: image, input: { duration: 5 } };
const notInInput = 'price_unit "second" is not understood, or what it counts is not in the input';

it('items of a model whose prices are known are summed up beside those whose prices are not, which say why', async () => {
  const items = [priced, { model: image, input: {} }, priced, priced, { model: tokens, input: {} }];
  const { issues, lines } = await checkItemFile(fileOf(items), { getModel });
  expect(issues).toEqual([]);
  const [first, other, last] = lines;
  expect(lines).toHaveLength(3);
  expect(first).toEqual({ what: image, model: image, count: 3, priceUsd: 0.15 });
  expect(other).toEqual({ what: image, model: image, count: 1, priceUsd: null, why: notInInput });
  expect(last).toMatchObject({ what: tokens, count: 1, priceUsd: null, why: expect.stringContaining('"token"') });
});

it('items of a plan are summed up in the same way', async () => {
  const plan = {
    version: 1,
    params: { seconds: { type: 'list' } },
    steps: { clip: { model: image, forEach: '${{ params.seconds }}', input: { duration: '${{ item }}' } } },
  };
  const items = [{ params: { seconds: [5, 5] } }, { params: { seconds: ['x'] } }, { params: { seconds: [5] } }];
  const { lines } = await checkItemFile({ ...fileOf(items), plan }, { getModel });
  expect(lines).toEqual([
    { what: 'clip', model: image, count: 3, priceUsd: 0.15 },
    { what: 'clip', model: image, count: 1, priceUsd: null, why: notInInput },
  ]);
});

it('a file is told apart in which prices alone are wrong', async () => {
  const told = async (...items: object[]) => {
    const { issues, isUnpriced } = await checkItemFile(fileOf(items), { getModel, maxCostUsd: 5 });
    return [issues.length, isUnpriced];
  };
  expect(await told(priced, { model: tokens })).toEqual([1, true]);
  expect(await told({ model: tokens }, { input: {} })).toEqual([2, false]);
});
