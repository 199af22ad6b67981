import { z } from 'zod';
import { withoutUndefined } from '../../domain/json.ts';
import { isModelId } from '../../domain/request.ts';
import { amount, filledString, optionalField } from './lenient.ts';

const stringList = z
  .array(z.unknown())
  .transform((items) => items.filter((item): item is string => typeof item === 'string'));

/** A model as RunComfy's catalogue describes it. */
export interface CatalogueModel {
  modelId: string;
  displayName?: string;
  description?: string;
  categories: string[];
  /** `model`, `workflow` or `inference`. */
  kind?: string;
  basePriceUsd?: number;
  /** `second`, `output` or `image`. */
  priceUnit?: string;
  pricingNote?: string;
  requiredInputs?: string[];
  modelUrl?: string;
  /** In RunComfy's own dialect of JSON Schema; in a list only when asked for. */
  inputSchema?: Record<string, unknown>;
}

/** One entry of the catalogue. Everything but the id may be missing. */
export const catalogueModel = z
  .looseObject({
    model_id: z.string().refine(isModelId),
    display_name: optionalField(filledString),
    description: optionalField(z.string()),
    categories: optionalField(stringList),
    kind: optionalField(filledString),
    base_price_usd: optionalField(amount),
    price_unit: optionalField(filledString),
    pricing_note: optionalField(filledString),
    required_inputs: optionalField(stringList),
    model_url: optionalField(filledString),
    input_schema: optionalField(z.record(z.string(), z.unknown())),
  })
  .transform((entry): CatalogueModel =>
    withoutUndefined({
      modelId: entry.model_id,
      displayName: entry.display_name,
      description: entry.description,
      categories: entry.categories ?? [],
      kind: entry.kind,
      basePriceUsd: entry.base_price_usd,
      priceUnit: entry.price_unit,
      pricingNote: entry.pricing_note,
      requiredInputs: entry.required_inputs,
      modelUrl: entry.model_url,
      inputSchema: entry.input_schema,
    }),
  );

/** A page of the catalogue. An entry that cannot be read is left out rather than hiding the others. */
export const catalogueList = z
  .looseObject({ models: z.array(z.unknown()), total: optionalField(z.int().nonnegative()) })
  .transform(({ models: entries, total }) => {
    const models = entries.flatMap((entry) => {
      const parsed = catalogueModel.safeParse(entry);
      return parsed.success ? [parsed.data] : [];
    });
    return { models, total: total ?? models.length };
  });

/** The catalogue's categories, e.g. `image-to-video`. */
export const categoryList = z.looseObject({ categories: stringList }).transform((reply) => reply.categories);
