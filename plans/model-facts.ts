import type { WallPolicy } from '../domain/generation.ts';
import { messageOf } from '../domain/text.ts';
import { isTokenRefused, mayReadLater } from '../runcomfy/errors.ts';
import { findBundledModel } from '../runcomfy/models/index.ts';
import type { CatalogueModel } from '../runcomfy/schemas/catalogue.ts';

/** What is known of a model, or why nothing is. */
export type ModelFacts =
  | { entry: CatalogueModel }
  /**
   * `isAway`: the catalogue did not answer, and may do so later. `isRefused`: it refused the token, and may answer with
   * another.
   */
  | { failure: string; isUnknown?: boolean; isAway?: boolean; isRefused?: boolean };

/** Whether to ask the catalogue again later; after a refused token only if the order waits at walls. */
export function isWorthAskingAgain(facts: ModelFacts, onWall: WallPolicy | undefined): boolean {
  return 'failure' in facts && facts.isAway === true && (facts.isRefused !== true || onWall === 'wait');
}

/** Looks up each model of a plan once. */
export interface ModelLookup {
  facts: (model: string) => Promise<ModelFacts>;
}

export interface ModelLookupOptions {
  /** Reads a model's catalogue entry. Without it, only bundled models are known. */
  getModel?: (model: string) => Promise<CatalogueModel>;
  /** Whether an error of `getModel` means that there is no such model. */
  isUnknownModel?: (error: unknown) => boolean;
}

/** The same options with a cache, so that each model is read once. */
export function withMemory({ getModel, isUnknownModel }: ModelLookupOptions): ModelLookupOptions {
  if (!getModel) return {};
  const asked = new Map<string, Promise<CatalogueModel>>();
  return {
    ...(isUnknownModel && { isUnknownModel }),
    getModel: (model) => {
      const answer = asked.get(model) ?? getModel(model);
      asked.set(model, answer);
      return answer;
    },
  };
}

/** Makes a lookup with a cache. Bundled models need no catalogue; without a catalogue, nothing is known of others. */
export function createModelLookup({ getModel, isUnknownModel = () => false }: ModelLookupOptions = {}): ModelLookup {
  const known = new Map<string, Promise<ModelFacts>>();
  const lookUp = async (model: string): Promise<ModelFacts> => {
    const bundled = findBundledModel(model);
    if (bundled) return { entry: { ...bundled, categories: [...bundled.categories] } };
    if (!getModel) return { failure: 'no catalogue is at hand' };
    try {
      return { entry: await getModel(model) };
    } catch (error) {
      const failure = messageOf(error);
      if (isUnknownModel(error)) return { failure, isUnknown: true };
      return {
        failure,
        ...(mayReadLater(error) && { isAway: true }),
        ...(isTokenRefused(error) && { isRefused: true }),
      };
    }
  };
  return {
    facts: (model) => {
      const found = known.get(model) ?? lookUp(model);
      known.set(model, found);
      return found;
    },
  };
}
