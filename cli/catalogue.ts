import type { Config } from '../config/env.ts';
import type { ModelLookupOptions } from '../plans/model-facts.ts';
import { isUnknownModel } from '../runcomfy/errors.ts';
import { withRunComfy } from './with-runcomfy.ts';

/** RunComfy's catalogue and wallet. Without a token, nothing is asked. */
export interface Catalogue {
  lookup: ModelLookupOptions;
  /** Undefined without a token, or if the account cannot be read. */
  balanceUsd: () => Promise<number | undefined>;
}

/** Calls `use` with the live catalogue if a token is set, otherwise with one that knows nothing. */
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
