import type { Config } from '../config/env.ts';
import type { ModelLookupOptions } from '../plans/model-facts.ts';
import { isUnknownModel } from '../runcomfy/errors.ts';
import { withRunComfy } from './with-runcomfy.ts';

/** What RunComfy can be asked where a token is set; without one nothing is asked. */
export interface Catalogue {
  lookup: ModelLookupOptions;
  /** Undefined without a token, or where the account cannot be asked. */
  balanceUsd: () => Promise<number | undefined>;
}

/** Gives the live catalogue for the time of a call where a token is set, else one that knows nothing. */
export async function catalogueOf<T>(config: () => Config, use: (catalogue: Catalogue) => Promise<T>): Promise<T> {
  const settings = config();
  if (!settings.hasToken) return use({ lookup: {}, balanceUsd: () => Promise.resolve(undefined) });
  return withRunComfy(settings, (runcomfy) =>
    use({
      lookup: { getModel: (id) => runcomfy.getModel(id), isUnknownModel },
      balanceUsd: () =>
        runcomfy.balance().then(
          ({ usd }) => usd,
          () => undefined,
        ),
    }),
  );
}
