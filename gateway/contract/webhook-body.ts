import { z } from 'zod';
import { cancelState, failureDetails, failureType, generationResult, phase, submission, time } from './generation.ts';
import { usd } from './money.ts';
import { webhookEvent } from './webhook.ts';

const { exactOptional } = z;

/** Details of a failure without those that could echo the input. */
const toldDetails = failureDetails.pick({
  submission: true,
  httpStatus: true,
  vendorCode: true,
  vendorMessage: true,
  otherRequestIds: true,
  otherCostUsd: true,
  otherCostsUnknown: true,
  reason: true,
  priceUsd: true,
  limitUsd: true,
  budget: true,
  availableUsd: true,
});

/** The JSON document sent to a webhook. */
export const webhookBody = z.object({
  type: webhookEvent,
  timestamp: time,
  data: z.object({
    key: z.string(),
    tenant: exactOptional(z.string()),
    runId: z.string(),
    model: z.string(),
    phase,
    submission,
    requestId: exactOptional(z.string()),
    costUsd: exactOptional(usd),
    result: exactOptional(generationResult),
    failure: exactOptional(z.object({ type: failureType, message: z.string(), details: toldDetails })),
    cancel: exactOptional(cancelState),
    leftOut: exactOptional(
      z
        .array(z.enum(['result', 'failure']))
        .meta({ description: 'Too long for here: ask for the generation by its key.' }),
    ),
  }),
});
