import { z } from 'zod';

/** A field that is left out when it is not what it should be: nothing we rely on stands in it. */
export function optionalField<T extends z.ZodType>(schema: T) {
  return schema.optional().catch(undefined);
}

/** A string with something in it. */
export const filledString = z.string().refine((text) => text.trim() !== '');

/** A finite number, also when it is written as a string. */
export const numeric = z.union([z.number(), filledString.transform(Number)]).pipe(z.number());

/** A price, or what was billed: USD from 0. */
export const amount = numeric.pipe(z.number().min(0));
