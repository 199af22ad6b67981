import { checkPlan, type CheckPlanOptions, type PlanReport } from '../../../plans/check-plan.ts';
import type { CatalogueModel } from '../../../runcomfy/schemas/catalogue.ts';

export const kling = 'kling/kling-3.0/standard/image-to-video';
export const flux = 'blackforestlabs/flux-2/flash/text-to-image';
/** What it makes stands in the catalogue alone. */
export const maker = 'some/maker-2';
export const music = 'acestep-ai/ace-step-1.5/text-to-audio';

const catalogue: Record<string, CatalogueModel> = {
  [flux]: {
    modelId: flux,
    categories: ['text-to-image'],
    basePriceUsd: 0.01,
    priceUnit: 'image',
    inputSchema: {
      type: 'object',
      required: ['prompt'],
      properties: {
        prompt: { type: 'string' },
        seed: { type: 'integer', minimum: 0 },
        images: { type: 'array', items: { type: 'string', format: 'image_uri' } },
      },
    },
  },
  [maker]: { modelId: maker, categories: ['text-to-video'], basePriceUsd: 0.2, priceUnit: 'video' },
  [music]: {
    modelId: music,
    categories: ['text-to-audio'],
    inputSchema: {
      type: 'object',
      required: ['tags'],
      properties: { tags: { type: 'string' }, duration: { type: 'number', minimum: 5, maximum: 300 } },
    },
  },
};

class NoSuchModel extends Error {}

const getModel = (id: string): Promise<CatalogueModel> => {
  const entry = catalogue[id];
  return entry ? Promise.resolve(entry) : Promise.reject(new NoSuchModel('HTTP 404'));
};

const options: CheckPlanOptions = { getModel, isUnknownModel: (error) => error instanceof NoSuchModel };

export const check = (plan: unknown, params: Record<string, unknown> = {}): Promise<PlanReport> =>
  checkPlan(plan, { ...options, params });

export const still = { model: flux, input: { prompt: 'a lighthouse' } };
export const clip = {
  model: kling,
  input: { prompt: 'calm', start_image_url: '${{ steps.still.image }}', duration: 5 },
};
export const steps = (more: Record<string, unknown>, params?: Record<string, unknown>) => ({
  version: 1,
  ...(params && { params }),
  steps: more,
});
