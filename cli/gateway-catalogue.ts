import { LRUCache } from 'lru-cache';
import type { Config } from '../config/env.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { Catalogue, ModelQuery, Wallet } from '../gateway/gateway-parts.ts';
import type { RunComfyClient, VerbatimReads } from '../runcomfy/client.ts';
import { isUnknownModel, mayReadLater } from '../runcomfy/errors.ts';
import {
  createInputValidator,
  expectedPriceUsd,
  findBundledModel,
  findPublishedPrices,
  toPlainSchema,
} from '../runcomfy/models/index.ts';
import type { CatalogueModel } from '../runcomfy/schemas/catalogue.ts';

const freshMs = 30_000;
/** Short, because RunComfy's own checks read the balance before and after a job. */
const walletFreshMs = 1_000;
const defaultAnswerWithinMs = 3_000;
const maxModels = 1_000;
const maxLists = 100;
const noToken = 'no token is set: put it into RUNCOMFY_API_TOKEN';

/** How long a gateway waits for RunComfy's catalogue. */
export interface CatalogueOptions {
  /** If the schema takes longer, the input is left to a worker to check; default 3 s. */
  answerWithinMs?: number;
}

/**
 * What a gateway asks RunComfy directly, and its checks of inputs. Without a token it knows only the bundled models.
 */
export function createGatewayCatalogue(
  { modelApiBase, mediaHost }: Pick<Config, 'modelApiBase' | 'mediaHost'>,
  runcomfy: (RunComfyClient & VerbatimReads) | undefined,
  { answerWithinMs = defaultAnswerWithinMs }: CatalogueOptions = {},
): Catalogue {
  const unknown = new LRUCache<string, true>({ max: maxModels, ttl: freshMs });
  const read: VerbatimReads['verbatim'] = (what) => runcomfy?.verbatim(what) ?? Promise.reject(new Error(noToken));
  const typed = () => {
    if (runcomfy) return runcomfy;
    throw new Error(noToken);
  };
  const entries = new LRUCache<string, CatalogueModel>({
    max: maxModels,
    ttl: freshMs,
    fetchMethod: (model) => typed().getModel(model),
  });
  const lists = new LRUCache<string, { models: CatalogueModel[]; total: number }>({
    max: maxLists,
    ttl: freshMs,
    fetchMethod: (query) => typed().listModels(JSON.parse(query) as ModelQuery),
  });
  const findEntry = async (model: string): Promise<CatalogueModel | undefined> => {
    const bundled = findBundledModel(model);
    if (bundled && !runcomfy) return { ...bundled, categories: [...bundled.categories] };
    try {
      return await entries.fetch(model);
    } catch (error) {
      if (isUnknownModel(error)) return undefined;
      throw error;
    }
  };
  const validator = createInputValidator({
    ttlMs: freshMs,
    failureTtlMs: freshMs,
    timeoutMs: answerWithinMs,
    modelApiBase,
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
    list: async (query) => {
      const found = await lists.fetch(JSON.stringify(query));
      return { models: (found?.models ?? []).map(inPlainSchema), total: found?.total ?? 0 };
    },
    lookup: runcomfy && { getModel: (model) => runcomfy.getModel(model), isUnknownModel },
    async entry(model) {
      const found = await findEntry(model);
      return found && inPlainSchema(found);
    },
    wallet: atMostEvery(walletFreshMs, async (): Promise<Wallet> => {
      const { usd, currency, readAt } = await typed().balance();
      return withoutUndefined({ usd, currency, readAt });
    }),
    async price(model, input) {
      const isBundled = findBundledModel(model) !== undefined;
      const entry = await findEntry(model).catch((error: unknown) => {
        if (runcomfy && !isBundled && mayReadLater(error)) throw error;
        return undefined;
      });
      const usd = await expectedPriceUsd(model, input, {
        getModel: () => Promise.resolve(entry ?? { modelId: model, categories: [] }),
      });
      const { priceUnit, pricingNote: note } = entry ?? {};
      const basis: 'unknown' | 'per second' | 'per output' =
        usd === undefined ? 'unknown' : priceUnit === 'second' ? 'per second' : 'per output';
      return withoutUndefined({ usd, basis, note });
    },
    async check(model, input) {
      const report = await validator.validate(model, input);
      return unknown.has(model) ? 'unknown model' : report;
    },
  };
}

/**
 * Caches an answer for `everyMs` after it was requested. Calls made while it is in flight share it; a failure is not
 * cached.
 */
function atMostEvery<T>(everyMs: number, ask: () => Promise<T>): () => Promise<T> {
  let last: { answer: Promise<T>; freshUntil: number } | undefined;
  return () => {
    const now = performance.now();
    if (last && now < last.freshUntil) return last.answer;
    const asking = { answer: ask(), freshUntil: Infinity };
    last = asking;
    asking.answer.then(
      () => {
        asking.freshUntil = now + everyMs;
      },
      () => {
        asking.freshUntil = 0;
      },
    );
    return asking.answer;
  };
}

/** A model as our own API returns it: in plain JSON Schema rather than RunComfy's dialect. */
function inPlainSchema(model: CatalogueModel): CatalogueModel {
  const { inputSchema } = model;
  return inputSchema === undefined ? model : { ...model, inputSchema: toPlainSchema(inputSchema) };
}

/** A bundled model in the format of RunComfy's catalogue. */
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
