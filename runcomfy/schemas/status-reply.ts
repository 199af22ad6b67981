import { z } from 'zod';
import type { RequestStatus } from '../../domain/activities.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { numeric, optionalField } from './lenient.ts';
import { failureReason } from './reason.ts';
import { quoteStatusWord, readStatusWord } from './status-words.ts';

/** What a status read says. */
export interface StatusReply {
  status: RequestStatus;
  /** RunComfy's own word. */
  statusWord: string;
  queuePosition?: number;
  /** Why it failed, where the status says so. */
  reason?: string;
}

/** A status reply: any object will do, since an unknown word is no reason to give up on paid work. */
export const statusReply = z
  .looseObject({ status: z.unknown().optional(), queue_position: optionalField(numeric.pipe(z.int().nonnegative())) })
  .transform((reply): StatusReply => {
    const status = readStatusWord(reply.status);
    return withoutUndefined({
      status,
      statusWord: quoteStatusWord(reply.status),
      queuePosition: reply.queue_position,
      reason: status === 'failed' ? failureReason(reply).text : undefined,
    });
  });
