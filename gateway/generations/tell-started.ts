import type { GatewayParts } from '../gateway-parts.ts';
import { keyHeaders } from '../http/key-headers.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { isPassing } from './patiently.ts';

/** An order that stands by now. */
export interface StandingOrder<Told> {
  /** As its caller knows it. */
  key: string;
  /** What is told of it where it cannot be asked for; left out, its caller is to repeat the call. */
  unasked: (() => Told) | undefined;
}

/**
 * Tells of an order that stands, and at least that it does: an error without its key would have the caller order again
 * under a new one, for a second bill.
 */
export async function tellStarted<Told>(
  { log }: Pick<GatewayParts, 'log'>,
  { key, unasked }: StandingOrder<Told>,
  ask: () => Promise<Told>,
): Promise<Told> {
  try {
    return await ask();
  } catch (error) {
    if (unasked === undefined) throw isPassing(error) ? standing(key, error) : error;
    if (!isPassing(error)) log.error({ error }, 'what was just started could not be read');
    return unasked();
  }
}

function standing(key: string, cause: unknown): RefusalError {
  const message = `the order stands, and Temporal does not tell now where: repeat it with Idempotency-Key: ${key}`;
  return new RefusalError('TemporalUnreachable', message, { headers: keyHeaders(key), key, cause });
}
