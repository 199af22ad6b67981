import type { GatewayParts } from '../gateway-parts.ts';
import { keyHeaders } from '../http/key-headers.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { toRefusal } from '../http/to-refusal.ts';
import { isPassing } from './patiently.ts';

/** An order that stands by now. */
export interface StandingOrder<Told> {
  /** As its caller knows it. */
  key: string;
  /** What is told of it where it cannot be asked for, and why that is; left out, its caller is to repeat the call. */
  unasked: ((why: unknown) => Told) | undefined;
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
    if (unasked === undefined) throw standing(key, error);
    if (!isPassing(error)) log.error({ error }, 'what was just started could not be read');
    return unasked(error);
  }
}

function standing(key: string, cause: unknown): unknown {
  const { refusal } = toRefusal(cause);
  // It was there a moment ago, and is kept no longer.
  if (refusal === 'KeyNotFound' || refusal === 'KeyInUse') return cause;
  const isAway = isPassing(cause);
  const message = isAway
    ? `the order stands, and Temporal does not tell now where: repeat it with Idempotency-Key: ${key}`
    : `the order stands, and where cannot be read here, as the log says: do not order it anew, it is that of Idempotency-Key: ${key}`;
  return new RefusalError(isAway ? 'TemporalUnreachable' : refusal, message, { headers: keyHeaders(key), key, cause });
}
