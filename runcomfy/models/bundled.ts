import type { BundledModel, ProseRules, PublishedPrices } from './bundled-model.ts';
import { klingImageToVideo } from './kling-3.0-standard-image-to-video/index.ts';

/** The models that come with this package, each with all that is known of it. */
export const bundledModels = [klingImageToVideo] as const satisfies readonly BundledModel[];

const known: readonly BundledModel[] = bundledModels;

/** The bundled model of this id, if it is one. */
export function findBundledModel(modelId: string): BundledModel | undefined {
  return known.find((model) => model.modelId === modelId);
}

/** The rules that a bundled model's page states for this model. */
export function findProseRules(modelId: string): ProseRules | undefined {
  return known.find(({ rules }) => rules?.holdFor(modelId))?.rules;
}

/** The prices that a bundled model's page states for this model. */
export function findPublishedPrices(modelId: string): PublishedPrices | undefined {
  return known.find(({ prices }) => prices?.holdFor(modelId))?.prices;
}
