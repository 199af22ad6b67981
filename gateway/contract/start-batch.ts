import { z } from 'zod';
import { batchLimits } from '../../domain/batch/batch.ts';
import { maxStretchMs } from '../../domain/request-checks.ts';
import { modelInput, orderFields } from './generation.ts';
import { labels } from './labels.ts';
import { keyOfNew } from './start-generation.ts';

const { exactOptional } = z;

const jsonObject = z.record(z.string(), z.unknown());

const { deadlineMs, queueDeadlineMs, maxPriceUsd, onUnknownSubmission, onCancelWhileRunning, waiting } = orderFields;

const model = exactOptional(z.string().meta({ examples: ['blackforestlabs/flux-2/flash/text-to-image'] }));

const item = z
  .strictObject({
    id: z
      .string()
      .min(1)
      .max(batchLimits.idLength)
      .meta({ description: 'Its key is `<key of the batch>/<id>`. Does not end in `/late`.' }),
    model,
    input: exactOptional(modelInput),
    params: exactOptional(jsonObject.meta({ description: "Of the batch's plan, where it has one" })),
    deadlineMs,
    maxPriceUsd,
  })
  .meta({ id: 'BatchItem', description: 'One order of a batch.' });

const items = z.array(item).max(batchLimits.inlineItems);

const defaults = z
  .strictObject({
    model,
    input: exactOptional(modelInput),
    deadlineMs,
    queueDeadlineMs,
    maxPriceUsd,
    onUnknownSubmission,
    onCancelWhileRunning,
    waiting,
  })
  .meta({ id: 'BatchItemDefaults', description: 'What holds for every item that does not say otherwise.' });

const window = exactOptional(
  z.int().min(1).max(batchLimits.window).meta({ description: 'How many may be in flight; default 20' }),
);

/** The body of a start. */
export const startBatch = z
  .strictObject({
    key: keyOfNew('batch'),
    items: exactOptional(items.meta({ description: 'At most 1,000 and 1 MiB together; more are added' })),
    keepOpen: exactOptional(
      z.boolean().meta({ description: 'More will be added; default: false with `items`, true without' }),
    ),
    plan: exactOptional(jsonObject.meta({ description: 'Items are pipelines of this plan.' })),
    defaults: exactOptional(defaults),
    window,
    maxCostUsd: orderFields.maxCostUsd,
    budgets: orderFields.budgets,
    labels,
    pauseAfterFailures: exactOptional(
      z.int().min(0).max(batchLimits.items).meta({ description: 'Failures in a row; default 25, 0: never' }),
    ),
    openForMs: exactOptional(
      z.int().min(1).max(maxStretchMs).meta({ description: 'An open batch that is idle for so long seals itself.' }),
    ),
  })
  .meta({
    id: 'StartBatch',
    examples: [
      {
        key: 'autumn-catalogue',
        defaults: { model: 'blackforestlabs/flux-2/flash/text-to-image' },
        items: [{ id: 'a-17', input: { prompt: 'a red chair' } }],
      },
    ],
  });

export type StartBatch = z.output<typeof startBatch>;

/** The body that adds items. */
export const addItems = z
  .strictObject({
    from: z
      .int()
      .min(0)
      .max(batchLimits.items)
      .meta({ description: 'How many items there are before these: the same sent again is answered as before.' }),
    items: items.min(1),
  })
  .meta({ id: 'AddItems', examples: [{ from: 1, items: [{ id: 'a-18', input: { prompt: 'a blue chair' } }] }] });

export type AddItems = z.output<typeof addItems>;

const because = z.strictObject({ reason: exactOptional(z.string().max(1_000)) });

/** The body of a pause. */
export const pauseBatch = because.meta({
  id: 'PauseBatch',
  examples: [{ reason: 'the first pictures are looked at' }],
});

/** The body that ends a pause. */
export const resumeBatch = because.meta({ id: 'ResumeBatch', examples: [{ reason: 'the first pictures are good' }] });

/** The body that changes a batch's settings. */
export const setBatch = z
  .strictObject({
    window,
    maxCostUsd: orderFields.maxCostUsd,
    noMaxCost: exactOptional(z.literal(true).meta({ description: 'Takes the limit of money away.' })),
  })
  .refine((given) => Object.keys(given).length > 0, 'expected window, maxCostUsd or noMaxCost')
  .refine(
    (given) => given.maxCostUsd === undefined || given.noMaxCost === undefined,
    'maxCostUsd or noMaxCost, not both',
  )
  .meta({ id: 'SetBatch', examples: [{ window: 5 }] });

export type SetBatch = z.output<typeof setBatch>;
