import { isGenerationError } from '../../client/index.ts';
import { type Principal, workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { uuidOf } from './key-of.ts';
import { orderDigest } from './order-digest.ts';

/** An order as its caller gave it, without a key. */
export interface KeylessOrder {
  principal: Principal;
  model: string;
  input: Record<string, unknown>;
}

/**
 * The key that equal orders of a tenant share: that of the window before, where its order began less than one window ago,
 * else that of the window of now.
 */
export async function dedupedKey(
  { reader }: Pick<GatewayParts, 'reader'>,
  { principal, model, input }: KeylessOrder,
  windowMs: number,
): Promise<string> {
  const now = Date.now();
  const windowAt = Math.floor(now / windowMs);
  const keyAt = (at: number) => uuidOf(orderDigest(principal.tenant, model, input, at));
  const before = keyAt(windowAt - 1);
  try {
    const { startedAt } = await reader.read(workflowIdOf(principal, before));
    if (now - Date.parse(startedAt) < windowMs) return before;
  } catch (error) {
    if (!isGenerationError(error) || error.type !== 'KeyNotFound') throw error;
  }
  return keyAt(windowAt);
}
