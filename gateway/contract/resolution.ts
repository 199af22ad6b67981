import { z } from 'zod';
import { failureType, phase } from './generation.ts';

const { exactOptional } = z;

const requestId = z.string().regex(/^[A-Za-z0-9_~:@=+-][A-Za-z0-9._~:@=+-]{0,254}$/);

/** A decision about an unknown submission. */
export const submissionResolution = z
  .discriminatedUnion('action', [
    z.strictObject({ action: z.literal('adopt'), requestId }).meta({ id: 'AdoptRequest' }),
    z
      .strictObject({ action: z.literal('resubmit'), acceptSecondBill: z.literal(true) })
      .meta({ id: 'Resubmit', description: 'Orders again: where the first order was accepted, both are billed.' }),
    z.strictObject({ action: z.literal('abandon') }).meta({ id: 'Abandon' }),
  ])
  .meta({ id: 'SubmissionResolution', examples: [{ action: 'adopt', requestId: '7f9c2ba4' }] });

export type SubmissionResolution = z.output<typeof submissionResolution>;

/** The outcome of a decision. */
export const resolutionReply = z
  .object({ phase, requestId: exactOptional(z.string()), failure: exactOptional(failureType) })
  .meta({ id: 'SubmissionResolutionReply' });
