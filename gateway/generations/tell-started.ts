import type { GatewayParts } from '../gateway-parts.ts';
import { keyHeaders } from '../http/key-headers.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { toRefusal } from '../http/to-refusal.ts';
import { isPassing } from './patiently.ts';

/** An order that was accepted. */
export interface StandingOrder<Told> {
  /** The key as the caller knows it. */
  key: string;
  /** The reply if the order cannot be read, given the error; missing if the caller should repeat the call instead. */
  unasked: ((why: unknown) => Told) | undefined;
}

/**
 * Describes an accepted order, or at least says that it was accepted: an error without its key would make the caller
 * order again under a new one, and be billed twice.
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
  // It was there a moment ago, but Temporal does not keep it any more.
  if (refusal === 'KeyNotFound' || refusal === 'KeyInUse') return cause;
  const isAway = isPassing(cause);
  const message = isAway
    ? `the order stands, and Temporal does not tell now where: repeat it with Idempotency-Key: ${key}`
    : `the order stands, and where cannot be read here, as the log says: do not order it anew, it is that of Idempotency-Key: ${key}`;
  return new RefusalError(isAway ? 'TemporalUnreachable' : refusal, message, { headers: keyHeaders(key), key, cause });
}
