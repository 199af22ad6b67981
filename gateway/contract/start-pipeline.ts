import { z } from 'zod';
import { orderFields } from './generation.ts';
import { labels } from './labels.ts';
import { keyOfNew } from './start-generation.ts';

const { exactOptional } = z;

const jsonObject = z.record(z.string(), z.unknown());

/** Fields of a pipeline's request, apart from its key. */
const requestFields = {
  plan: jsonObject.meta({ description: 'A plan as JSON: `version`, `params`, `steps`, `outputs`' }),
  params: exactOptional(jsonObject),
  lineage: exactOptional(
    z.string().min(1).max(200).meta({ description: "What the orders' keys begin with; default: the key" }),
  ),
  orderAgain: exactOptional(z.boolean()),
  deadlineMs: orderFields.deadlineMs,
  maxCostUsd: orderFields.maxCostUsd,
  budgets: orderFields.budgets,
  maxParallel: exactOptional(z.int().min(1).max(20)),
  onUnknownSubmission: orderFields.onUnknownSubmission,
  onWall: orderFields.onWall,
  waiting: orderFields.waiting,
} as const;

const rerun = exactOptional(
  z.boolean().meta({ description: 'Runs a key again that has ended: only what has changed or failed is ordered.' }),
);

const rerunOf = exactOptional(
  z.string().min(1).max(100).meta({
    description:
      'The run that is to be run again, by its `runId`: where another has followed it already nothing is started, so that the call may be repeated.',
  }),
);

const example = {
  plan: {
    version: 1,
    params: { scene: { type: 'string' } },
    steps: {
      still: { model: 'blackforestlabs/flux-2/flash/text-to-image', input: { prompt: '${{ params.scene }}' } },
    },
  },
  params: { scene: 'a lighthouse at dusk' },
};

/** The body of a preview. */
export const previewPipeline = z
  .strictObject({ ...requestFields, rerun, rerunOf })
  .meta({ id: 'PreviewPipeline', examples: [example] });

export type PreviewPipeline = z.output<typeof previewPipeline>;

/** The body of a start. */
export const startPipeline = z
  .strictObject({
    key: keyOfNew('pipeline'),
    ...requestFields,
    labels,
    rerun,
    rerunOf,
  })
  .meta({
    id: 'StartPipeline',
    examples: [{ key: 'film', ...example }],
  });

export type StartPipeline = z.output<typeof startPipeline>;

/** A person's decision about a step that waits for one. */
export const decision = z
  .strictObject({
    step: z.string(),
    decision: z.enum(['approve', 'reject']),
    choose: exactOptional(
      z.union([z.int().min(0), z.array(z.int().min(0)).max(200)]).meta({ description: 'Counted from 0' }),
    ),
    reason: exactOptional(z.string().max(1_000)),
    by: exactOptional(z.string().max(200).meta({ description: 'Who decides; default: whose credential it is' })),
  })
  .meta({ id: 'Decision', examples: [{ step: 'pick', decision: 'approve', choose: 0 }] });

export type Decision = z.output<typeof decision>;

/** The body that cancels a pipeline or batch. */
export const cancelAll = z
  .strictObject({
    reason: exactOptional(z.string().max(1_000)),
    detach: exactOptional(z.boolean().meta({ description: 'What cannot be stopped is not waited for.' })),
  })
  .meta({ id: 'CancelAllRequest', examples: [{ reason: 'the customer changed their mind', detach: true }] });

export type CancelAll = z.output<typeof cancelAll>;
