import { LRUCache } from 'lru-cache';
import type { Config } from '../config/env.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { Catalogue } from '../gateway/gateway-parts.ts';
import type { RunComfyClient, VerbatimReads } from '../runcomfy/client.ts';
import { isUnknownModel } from '../runcomfy/errors.ts';
import { createInputValidator, findBundledModel, findPublishedPrices } from '../runcomfy/models/index.ts';

const freshMs = 30_000;
const answerWithinMs = 3_000;
const maxModels = 1_000;

/** What a gateway asks RunComfy itself, and how it checks inputs; without a token it knows the bundled models alone. */
export function createGatewayCatalogue(
  { modelApiBase, mediaHost }: Config,
  runcomfy: (RunComfyClient & VerbatimReads) | undefined,
): Catalogue {
  const unknown = new LRUCache<string, true>({ max: maxModels, ttl: freshMs });
  const read: VerbatimReads['verbatim'] = (what) =>
    runcomfy?.verbatim(what) ?? Promise.reject(new Error('no token is set: put it into RUNCOMFY_API_TOKEN'));
  const validator = createInputValidator({
    ...{ ttlMs: freshMs, failureTtlMs: freshMs, timeoutMs: answerWithinMs, modelApiBase },
    ...(mediaHost !== undefined && { mediaHost }),
    ...(runcomfy && {
      getModel: (model) =>
        runcomfy.getModel(model).catch((error: unknown) => {
          if (isUnknownModel(error)) unknown.set(model, true);
          throw error;
        }),
    }),
  });
  return {
    models: (query) => read({ of: 'models', query }),
    categories: () => read({ of: 'categories' }),
    balance: () => read({ of: 'balance' }),
    async model(model) {
      const bundled = runcomfy ? undefined : bundledEntry(model);
      if (bundled !== undefined) return bundled;
      try {
        return await read({ of: 'model', model });
      } catch (error) {
        if (isUnknownModel(error)) return undefined;
        throw error;
      }
    },
    async check(model, input) {
      const report = await validator.validate(model, input);
      return unknown.has(model) ? 'unknown model' : report;
    },
  };
}

/** A bundled model as RunComfy's catalogue words its entries. */
function bundledEntry(modelId: string): string | undefined {
  const model = findBundledModel(modelId);
  if (model === undefined) return undefined;
  const price = findPublishedPrices(modelId)?.list(modelId);
  return JSON.stringify(
    withoutUndefined({
      model_id: modelId,
      categories: model.categories,
      kind: 'model',
      base_price_usd: price?.basePriceUsd,
      price_unit: price?.priceUnit,
      pricing_note: price?.pricingNote,
      input_schema: model.inputSchema,
    }),
  );
}
