import { z } from 'zod';

export const usd = z.number().meta({ description: 'USD' });

/** What further requests of an order are, and what they cost. */
export const furtherRequests = {
  otherRequestIds: z.exactOptional(z.array(z.string())),
  otherCostUsd: z.exactOptional(usd),
};
