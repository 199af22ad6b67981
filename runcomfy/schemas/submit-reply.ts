import { z } from 'zod';
import { isRequestId } from '../../domain/request.ts';

/**
 * The acknowledgement of a submit. `request_id` is all we rely on, and nothing else is taken for it: an id that RunComfy
 * does not promise might name something else. The URLs beside it are not used; ours are built from the base.
 */
export const submitReply = z
  .looseObject({ request_id: z.string().refine(isRequestId) })
  .transform((reply) => ({ requestId: reply.request_id }));
