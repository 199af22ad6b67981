import { describe, expect, it } from 'vitest';
import { RunComfyError } from '../../../../runcomfy/errors.ts';
import { expectedPriceUsd, priceOf } from '../../../../runcomfy/models/index.ts';
import { klingImageToVideo } from '../../../../runcomfy/models/kling-3.0-standard-image-to-video/index.ts';

const kling = (tier: string, kind = 'image-to-video') => ({ modelId: `kling/kling-3.0/${tier}/${kind}` });

describe('the expected price', () => {
  it.each([
    ['the published example', klingImageToVideo, { ...klingImageToVideo.example }, 1.26],
    ['3 s without sound', klingImageToVideo, { duration: 3, generate_audio: false }, 0.252],
    ['15 s with sound', klingImageToVideo, { duration: 15, generate_audio: true }, 1.89],
    ['5 s of the pro model', kling('pro'), { duration: 5 }, 0.84],
    ['5 s of the pro model, silent', kling('pro', 'text-to-video'), { duration: 5, sound: false }, 0.56],
    ['4K, sound or not', kling('4k'), { duration: 10, generate_audio: false }, 4.2],
  ])('of Kling 3.0, %s', (_name, model, input, usd) => {
    expect(priceOf(model, input)).toBe(usd);
  });

  it.each([
    ['seconds', { basePriceUsd: 0.35, priceUnit: 'second' }, { duration: 4 }, 1.4],
    ['seconds written as a string', { basePriceUsd: 0.35, priceUnit: 'second' }, { duration: '4' }, 1.4],
    ['outputs', { basePriceUsd: 0.05, priceUnit: 'output' }, {}, 0.05],
    ['several outputs', { basePriceUsd: 0.05, priceUnit: 'image' }, { num_images: 3 }, 0.15],
  ])('by the catalogue, in %s', (_name, prices, input, usd) => {
    expect(priceOf({ modelId: 'a/b', ...prices }, input)).toBe(usd);
  });

  it('is rounded up to a micro-dollar: no order is free', () => {
    const at = (basePriceUsd: number) => priceOf({ modelId: 'a/b', basePriceUsd, priceUnit: 'image' }, {});
    expect(at(1e-12)).toBe(0.000_001);
    expect(at(0.000_000_4)).toBe(0.000_001);
    expect(at(0.000_001_4)).toBe(0.000_002);
    expect(at(0.29)).toBe(0.29);
  });

  it('reckons with the duration that RunComfy takes when it is left out', () => {
    const inputSchema = { properties: { duration: { type: 'integer', default: 5 } } };
    expect(priceOf({ modelId: 'a/b', basePriceUsd: 0.1, priceUnit: 'second', inputSchema }, {})).toBe(0.5);
  });

  it.each([
    ['a duration of "auto"', { basePriceUsd: 0.1, priceUnit: 'second' }, { duration: 'auto' }],
    ['no duration', { basePriceUsd: 0.1, priceUnit: 'second' }, {}],
    ['a duration below zero', { basePriceUsd: 0.1, priceUnit: 'second' }, { duration: -5 }],
    ['fewer images than none', { basePriceUsd: 0.1, priceUnit: 'image' }, { num_images: -1.5 }],
    ['a price below zero', { basePriceUsd: -0.1, priceUnit: 'image' }, { num_images: 1 }],
    ['a price of 0', { basePriceUsd: 0, priceUnit: 'image' }, { num_images: 1 }],
    ['no images', { basePriceUsd: 0.1, priceUnit: 'image' }, { num_images: 0 }],
    ['a duration of 0', klingImageToVideo, { duration: 0 }],
    ['no price', { priceUnit: 'second' }, { duration: 5 }],
    ['an unknown unit', { basePriceUsd: 0.1, priceUnit: 'megapixel' }, {}],
  ])('is not guessed from %s', (_name, prices, input) => {
    expect(priceOf({ modelId: 'a/b', ...prices }, input)).toBeUndefined();
  });

  it('comes from the bundled figures, else from the catalogue, else not at all', async () => {
    const getModel = (modelId: string) =>
      Promise.resolve({ modelId, categories: [], basePriceUsd: 0.2, priceUnit: 'output' });
    expect(await expectedPriceUsd(klingImageToVideo.modelId, { duration: 10 })).toBe(1.26);
    expect(await expectedPriceUsd('a/b', {}, { getModel })).toBe(0.2);
    expect(await expectedPriceUsd('a/b', {})).toBeUndefined();
  });

  it('is not unknown where the catalogue may tell it later', async () => {
    const from = (error: Error) => expectedPriceUsd('a/b', {}, { getModel: () => Promise.reject(error) });
    await expect(from(new Error('too slow'))).rejects.toThrow('too slow');
    await expect(from(new RunComfyError('ServiceUnavailable', 'down'))).rejects.toThrow('down');
    expect(await from(new RunComfyError('InvalidInput', 'no such model', { httpStatus: 404 }))).toBeUndefined();
    expect(await from(new RunComfyError('ProtocolMismatch', 'no entry'))).toBeUndefined();
  });
});
