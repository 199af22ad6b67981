import { z } from 'zod';
import type { RequestStatus } from '../../domain/activities.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { namesAnother } from './believed-status.ts';
import { normalizeWord, readStatusWord } from './status-words.ts';

/** RunComfy's answer to a cancel. Without `outcome` it says nothing usable, and the status has to be read. */
export interface CancelReply {
  outcome?: 'cancelled' | 'not_cancellable';
  status?: RequestStatus;
}

const wireCancel = z.looseObject({ outcome: z.unknown().optional(), status: z.unknown().optional() });

/**
 * The schema of a cancel reply for one request; a reply that names another request says nothing usable. `outcome` takes
 * precedence over `status`, because RunComfy's own example pairs `status: completed` with `outcome: cancelled`.
 * `not_cancellable` with the status `cancelled` means that an earlier cancel has worked.
 */
export function cancelReply(requestId: string) {
  return wireCancel.transform((reply): CancelReply => {
    if (namesAnother(reply, requestId)) return {};
    const outcome = normalizeWord(reply.outcome);
    const status = readStatusWord(reply.status);
    const isCancelled = readStatusWord(outcome) === 'cancelled' || status === 'cancelled';
    const isNotCancellable = outcome === 'not_cancellable' || normalizeWord(reply.status) === 'not_cancellable';
    return withoutUndefined({
      outcome: isCancelled ? ('cancelled' as const) : isNotCancellable ? ('not_cancellable' as const) : undefined,
      status: status === 'unrecognized' ? undefined : status,
    });
  });
}
