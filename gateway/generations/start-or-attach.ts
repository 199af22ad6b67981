import { isGenerationError } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { keyHeaders } from '../http/key-headers.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { isPassing, patiently } from './patiently.ts';

/** An order of any kind: how it is checked, and how it is started. */
export interface Ordering<Started> {
  /** The key as the caller knows it. */
  key: string;
  /** The key was made up for this call, so nothing can exist under it. */
  isNewKey: boolean;
  /** The call is to run the key again, so what the key has is no substitute when the library refuses. */
  isNewRun?: boolean | undefined;
  /** The name of the parameter that carries the key, for messages. */
  keyName?: string;
  /** Throws if the order is not allowed or not valid; returns hints. */
  check: () => Promise<readonly string[]>;
  /** Must be safe to repeat. */
  start: (attaching: { attachOnly?: true }) => Promise<Started>;
}

/** How long a start is retried if Temporal's answer is unclear: under one key it cannot start twice. */
const startMs = 20_000;

/**
 * Starts an order that passes its check; if Temporal does not answer, the error names the key to repeat the call with.
 * An order accepted before is attached to even if it would be refused now, and never started anew: a caller told that
 * nothing was started would order again, and be billed twice.
 */
export async function startOrAttach<Started extends { attached: boolean; notices: string[] }>(
  parts: Pick<GatewayParts, 'client' | 'metrics'>,
  { key, isNewKey, isNewRun = false, keyName = 'Idempotency-Key', check, start }: Ordering<Started>,
): Promise<Started> {
  const tried = await startedOrRefusal(check, () => patientlyStarted(parts, { key, keyName }, () => start({})));
  if (!(tried instanceof Error)) return tried;
  if (isNewKey || (isNewRun && isGenerationError(tried))) throw tried;
  try {
    const found = await patientlyStarted(parts, { key, keyName }, () => start({ attachOnly: true }));
    return {
      ...found,
      notices: [...found.notices, `it was taken before; by now it would be refused: ${tried.message}`],
    };
  } catch (error) {
    // Either nothing has the key, or another order has it. If what has it cannot be decoded here that is not known, so
    // the error is passed on.
    throw isGenerationError(error) && error.type !== 'Undecodable' ? tried : error;
  }
}

/** Returns a refusal by the check, or by the library, whose rules may be newer than the order. */
async function startedOrRefusal<Started extends { notices: string[] }>(
  check: Ordering<Started>['check'],
  start: () => Promise<Started>,
): Promise<Started | Error> {
  let hints: readonly string[];
  try {
    hints = await check();
  } catch (error) {
    if (error instanceof RefusalError) return error;
    throw error;
  }
  try {
    const started = await start();
    return { ...started, notices: [...started.notices, ...hints] };
  } catch (error) {
    if (isGenerationError(error) && error.type === 'InvalidInput') return error;
    throw error;
  }
}

type Named = Required<Pick<Ordering<unknown>, 'key' | 'keyName'>>;

async function patientlyStarted<T extends { attached: boolean }>(
  { client, metrics }: Pick<GatewayParts, 'client' | 'metrics'>,
  named: Named,
  start: () => Promise<T>,
): Promise<T> {
  try {
    const started = await patiently(client, startMs, start);
    metrics.countStart(started.attached ? 'attached' : 'new');
    return started;
  } catch (error) {
    throw isPassing(error) ? unclear(named, error) : error;
  }
}

function unclear({ key, keyName }: Named, cause: unknown): RefusalError {
  const message = `Temporal does not answer, so that it is not known whether the order was taken: repeat it with ${keyName}: ${key}`;
  return new RefusalError('TemporalUnreachable', message, {
    headers: keyHeaders(key),
    key,
    cause,
  });
}
