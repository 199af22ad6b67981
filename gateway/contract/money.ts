import { z } from 'zod';
import { maxUsd } from '../../domain/request-checks.ts';

export const usd = z.number().meta({ description: 'USD' });

/** A limit of money that a caller may set; `words` say what it limits. */
export function usdAtMost(words: string) {
  const description = `${words} USD with at most 6 decimals`;
  return z.exactOptional(z.number().gt(0).max(maxUsd).meta({ description }));
}

/** What further requests of an order are, and what they cost. */
export const furtherRequests = {
  otherRequestIds: z.exactOptional(z.array(z.string())),
  otherCostUsd: z.exactOptional(usd),
  otherCostsUnknown: z.exactOptional(
    z.int().min(1).meta({ description: 'Further bills that there may be, of which no cost is known.' }),
  ),
};
