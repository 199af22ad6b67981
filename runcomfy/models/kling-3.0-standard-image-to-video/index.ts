import type { BundledModel } from '../bundled-model.ts';
import inputSchema from './input-schema.json' with { type: 'json' };
import type { KlingImageToVideoInput } from './input.ts';
import payload from './payload.json' with { type: 'json' };

/** Id of the bundled Kling 3.0 model. */
export const klingImageToVideoId = 'kling/kling-3.0/standard/image-to-video';

/** The payload that RunComfy publishes as the model's example. */
export const klingImageToVideoPayload: KlingImageToVideoInput = payload;

/** Kling 3.0 standard image-to-video, with its schema as RunComfy publishes it. */
export const klingImageToVideo: BundledModel = {
  modelId: klingImageToVideoId,
  categories: ['image-to-video'],
  inputSchema,
};
