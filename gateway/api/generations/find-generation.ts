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

/** A new key has up to 200 characters; the late result of it a few more. */
const maxKeyLength = 256;

/** The Workflow ID of a key that a path names; what cannot be a key is none of anybody's. */
export function workflowIdIn(principal: Principal, key: string): string {
  const isKey = key !== '' && key.length <= maxKeyLength && key === wellFormed(key) && !/\p{Cc}/u.test(key);
  if (!isKey) throw new RefusalError('KeyNotFound', 'no such key');
  return workflowIdOf(principal, key);
}

/** The whole of a generation that is this principal's; another workflow under the key is not there, in the same words. */
export function findGeneration({ reader }: GatewayParts, workflowId: string): Promise<SeenGeneration> {
  return ofGenerations(() => reader.read(workflowId, 'whole'));
}

/** Carries out what concerns a generation: a workflow of another kind is none. */
export async function ofGenerations<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isGenerationError(error) && error.type === 'KeyInUse'
      ? new RefusalError('KeyNotFound', 'no such key', { cause: error })
      : error;
  }
}
