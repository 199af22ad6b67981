import { z } from 'zod';
import { isGenerationError } from '../../../client/index.ts';
import { wellFormed } from '../../../domain/text.ts';
import { type Principal, workflowIdOf } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';
import { RefusalError } from '../../http/refusal-error.ts';

/** Parameters of a path about one generation. */
export const aboutKey = z.object({
  key: z.string().meta({ description: 'Percent-encoded as one segment: `order%2F1`', examples: ['order-4711'] }),
});

/** New keys have up to 200 characters; that of a late result is a few longer. */
const maxKeyLength = 256;

/** The Workflow ID of a key in a path; an impossible key is answered like an unknown one. */
export function workflowIdIn(principal: Principal, key: string): string {
  const isKey = key !== '' && key.length <= maxKeyLength && key === wellFormed(key) && !/\p{Cc}/u.test(key);
  if (!isKey) throw new RefusalError('KeyNotFound', 'no such key');
  return workflowIdOf(principal, key);
}

/**
 * A generation of this principal, with its state. A workflow of another kind under the key is answered like an unknown
 * key.
 */
export function findGeneration({ reader }: GatewayParts, workflowId: string): Promise<SeenGeneration> {
  return ofGenerations(() => reader.read(workflowId, 'whole'));
}

/** Runs a call about a generation, and answers a workflow of another kind like an unknown key. */
export async function ofGenerations<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isGenerationError(error) && error.type === 'KeyInUse'
      ? new RefusalError('KeyNotFound', 'no such key', { cause: error })
      : error;
  }
}
