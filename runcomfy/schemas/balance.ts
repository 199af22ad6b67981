import { z } from 'zod';
import { withoutUndefined } from '../../domain/json.ts';
import { filledString, numeric, optionalField } from './lenient.ts';

const microdollarsPerUsd = 1_000_000;

/** The wallet's balance. Zero and negative figures are valid; either of the two figures may be missing. */
export const balanceReply = z
  .looseObject({
    balance_usd: optionalField(numeric),
    balance_microdollars: optionalField(numeric),
    currency: optionalField(filledString),
  })
  .transform((reply, context) => {
    const { balance_usd: usd, balance_microdollars: microdollars, currency } = reply;
    const exact = microdollars ?? (usd === undefined ? undefined : usd * microdollarsPerUsd);
    if (exact === undefined) {
      context.addIssue('neither balance_microdollars nor balance_usd is a number');
      return z.NEVER;
    }
    const rounded = Math.round(exact);
    return { microdollars: rounded, usd: usd ?? rounded / microdollarsPerUsd, ...withoutUndefined({ currency }) };
  });
