import { z } from 'zod';
import { maxUsd } from '../../domain/request-checks.ts';

export const usd = z.number().meta({ description: 'USD' });

/** An amount that limits spending; `words` say what it limits. */
export function usdAtMost(words: string) {
  const description = `${words} USD with at most 6 decimals`;
  return z.exactOptional(z.number().gt(0).max(maxUsd).meta({ description }));
}

/** Fields about further requests of an order, and their cost. */
export const furtherRequests = {
  otherRequestIds: z.exactOptional(z.array(z.string())),
  otherCostUsd: z.exactOptional(usd),
  otherCostsUnknown: z.exactOptional(
    z.int().min(1).meta({ description: 'Further bills that there may be, of which no cost is known.' }),
  ),
};
