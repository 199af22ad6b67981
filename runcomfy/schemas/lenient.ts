import { z } from 'zod';

/** An optional field that counts as missing if its value is invalid; only for fields that nothing relies on. */
export function optionalField<T extends z.ZodType>(schema: T) {
  return schema.optional().catch(undefined);
}

/** A string that is not blank. */
export const filledString = z.string().refine((text) => text.trim() !== '');

/** A finite number, also when it is written as a string. */
export const numeric = z.union([z.number(), filledString.transform(Number)]).pipe(z.number());

/** An amount of USD, a price or what was billed: 0 or more. */
export const amount = numeric.pipe(z.number().min(0));
