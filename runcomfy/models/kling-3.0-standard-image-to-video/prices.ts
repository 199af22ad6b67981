import type { PublishedPrices } from '../bundled-model.ts';

/** USD per second of output of Kling 3.0, by tier. Source: RunComfy's model page, September 2026. */
const tiers: Readonly<Record<string, { silent: number; withAudio: number }>> = {
  standard: { silent: 0.084, withAudio: 0.126 },
  pro: { silent: 0.112, withAudio: 0.168 },
  '4k': { silent: 0.42, withAudio: 0.42 },
};
const soundFields = ['generate_audio', 'sound'];

function tierOf(modelId: string): { silent: number; withAudio: number } | undefined {
  return tiers[/^kling\/kling-3\.0\/([^/]+)\//.exec(modelId)?.[1] ?? ''];
}

/** What a second of a clip costs, in every tier of Kling 3.0. */
export const klingPrices: PublishedPrices = {
  holdFor: (modelId) => tierOf(modelId) !== undefined,
  fields: ['duration', ...soundFields],
  list: (modelId) => {
    const { silent, withAudio } = tierOf(modelId) ?? { silent: 0, withAudio: 0 };
    const pricingNote = `$${String(withAudio)} per second with audio, $${String(silent)} without.`;
    return { basePriceUsd: withAudio, priceUnit: 'second', pricingNote };
  },
  priceUsd: (modelId, { value, number }) => {
    const [tier, seconds] = [tierOf(modelId), number('duration')];
    if (tier === undefined || seconds === undefined) return undefined;
    const hasSound = soundFields.map(value).find((sound) => sound !== undefined) ?? true;
    return (hasSound === true ? tier.withAudio : tier.silent) * seconds;
  },
};
