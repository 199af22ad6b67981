import { z } from 'zod';
import { isRequestId } from '../../domain/request.ts';

/**
 * The acknowledgement of a submit. The id is read from `request_id` only: an id in a field that RunComfy does not
 * document might name something else. The URLs in the reply are not used; ours are built from the base.
 */
export const submitReply = z
  .looseObject({ request_id: z.string().refine(isRequestId) })
  .transform((reply) => ({ requestId: reply.request_id }));
