import { z } from 'zod';
import { modelInput, orderFields } from './generation.ts';
import { labels } from './labels.ts';

/** A key chosen by a caller. */
export const newKey = z
  .string()
  .min(1)
  .max(200)
  .refine((key) => !/\p{Cc}/u.test(key), 'no control characters')
  .refine((key) => !key.endsWith('/late') && !key.includes('/webhook/'), 'not ending in /late, without /webhook/')
  .meta({ pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f]*$` });

/** The field for such a key; `what` is what exists at most once under it. */
export function keyOfNew(what: string) {
  const description = `One key is one ${what}; default: \`Idempotency-Key\`. Does not end in \`/late\`, and has no \`/webhook/\` in it.`;
  return z.exactOptional(newKey.meta({ description }));
}

/** The body of an order. */
export const startGeneration = z
  .strictObject({
    key: keyOfNew('order and one bill'),
    model: z.string().meta({ examples: ['kling/kling-3.0/standard/image-to-video'] }),
    input: z.exactOptional(modelInput),
    ...orderFields,
    labels,
    retry: z.exactOptional(
      z.enum(['if-unbilled']).meta({ description: 'Orders anew where the last run of the key provably cost nothing.' }),
    ),
  })
  .meta({
    id: 'StartGeneration',
    examples: [
      {
        key: 'order-4711',
        model: 'kling/kling-3.0/standard/image-to-video',
        input: { prompt: 'The beam sweeps over a calm sea', start_image_url: 'https://example.com/lighthouse.png' },
      },
    ],
  });

export type StartGeneration = z.output<typeof startGeneration>;
