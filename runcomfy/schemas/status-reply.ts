import { z } from 'zod';
import type { RequestStatus } from '../../domain/activities.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { namesAnother, readStatus } from './believed-status.ts';
import { numeric, optionalField } from './lenient.ts';
import { failureReason } from './reason.ts';
import { quoteStatusWord } from './status-words.ts';

/** Longest queue that is believed: some APIs write the largest integer for a position that is not known yet. */
const longestQueue = 100_000;

/** What a status read says. */
export interface StatusReply {
  status: RequestStatus;
  /** RunComfy's own word. */
  statusWord: string;
  queuePosition?: number;
  /** Why the work failed; set only for the status `failed`. */
  reason?: string;
  /** The reply names a request other than the one asked for. */
  namesAnother?: true;
}

const wireStatus = z.looseObject({
  status: z.unknown().optional(),
  queue_position: optionalField(numeric.pipe(z.int().nonnegative().max(longestQueue))),
});

/**
 * The schema of a status reply for one request. It accepts any object, since an unknown status word is no reason to
 * give up on paid work.
 */
export function statusReply(requestId: string) {
  return wireStatus.transform((reply): StatusReply => {
    const status = readStatus(reply, requestId);
    return withoutUndefined({
      status,
      statusWord: quoteStatusWord(reply.status),
      queuePosition: reply.queue_position,
      reason: status === 'failed' ? failureReason(reply).text : undefined,
      namesAnother: namesAnother(reply, requestId) || undefined,
    });
  });
}
