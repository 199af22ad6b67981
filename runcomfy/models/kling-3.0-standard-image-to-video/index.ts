import type { KlingImageToVideoInput } from '../../../domain/model-inputs.ts';
import type { BundledModel } from '../bundled-model.ts';
import inputSchema from './input-schema.json' with { type: 'json' };
import payload from './payload.json' with { type: 'json' };
import { klingPrices } from './prices.ts';
import { klingRules } from './rules.ts';

/** Kling 3.0 standard image-to-video, with its schema and example as RunComfy publishes them. */
export const klingImageToVideo: BundledModel<'kling/kling-3.0/standard/image-to-video', KlingImageToVideoInput> = {
  modelId: 'kling/kling-3.0/standard/image-to-video',
  categories: ['image-to-video'],
  inputSchema,
  example: payload,
  sizingFields: ['duration', 'generate_audio'],
  rules: klingRules,
  prices: klingPrices,
};
