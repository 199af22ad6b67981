import type { BundledModel } from './bundled-model.ts';
import { klingImageToVideo, klingImageToVideoId } from './kling-3.0-standard-image-to-video/index.ts';
import type { KlingImageToVideoInput } from './kling-3.0-standard-image-to-video/input.ts';

/** The typed inputs of the bundled models, by model id. */
export interface BundledInputs {
  [klingImageToVideoId]: KlingImageToVideoInput;
}

/** The input of a model: typed where the model is bundled, any JSON object otherwise. */
export type InputOf<Model extends string> = Model extends keyof BundledInputs
  ? BundledInputs[Model]
  : Record<string, unknown>;

/** The models that come with this package. */
export const bundledModels: Readonly<Record<keyof BundledInputs, BundledModel>> = {
  [klingImageToVideoId]: klingImageToVideo,
};

/** The bundled model of this id, if it is one. */
export function findBundledModel(modelId: string): BundledModel | undefined {
  return Object.values(bundledModels).find((model) => model.modelId === modelId);
}
