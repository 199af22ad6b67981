import { z } from 'zod';

/** A field that is left out when it is not what it should be: nothing we rely on stands in it. */
export function optionalField<T extends z.ZodType>(schema: T) {
  return schema.optional().catch(undefined);
}

/** A string with something in it. */
export const filledString = z.string().refine((text) => text.trim() !== '');

/** A finite number, also when it is written as a string. */
export const numeric = z.union([z.number(), filledString.transform(Number)]).pipe(z.number());

/** The same object type with keys that may be missing instead of undefined. */
export type WithoutUndefined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Copies an object without the keys whose value is undefined. */
export function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as WithoutUndefined<T>;
}
