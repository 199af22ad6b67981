export type { InputOf } from './bundled.ts';
export { bundledModels, findBundledModel } from './bundled.ts';
export type { InputReport } from './compile-input-schema.ts';
export { compileInputSchema } from './compile-input-schema.ts';
export { createInputValidator, validateBundled } from './input-validator.ts';
export {
  klingImageToVideo,
  klingImageToVideoId,
  klingImageToVideoPayload,
} from './kling-3.0-standard-image-to-video/index.ts';
export type { KlingImageToVideoInput } from './kling-3.0-standard-image-to-video/input.ts';
export { modelKind } from './model-kind.ts';
export { expectedPriceUsd, klingPrices, priceOf } from './price.ts';
export { validateInput } from './validate-input.ts';
