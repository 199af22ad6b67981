import { z } from 'zod';

export const usd = z.number().meta({ description: 'USD' });

/** What further requests of an order are, and what they cost. */
export const furtherRequests = {
  otherRequestIds: z.exactOptional(z.array(z.string())),
  otherCostUsd: z.exactOptional(usd),
  otherCostsUnknown: z.exactOptional(
    z.int().min(1).meta({ description: 'Further bills that there may be, of which no cost is known.' }),
  ),
};
