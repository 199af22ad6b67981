import { isGenerationError } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { keyHeaders } from '../http/key-headers.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { isPassing, patiently } from './patiently.ts';

/** An order of any kind: what it has to pass, and how it is started. */
export interface Ordering<Started> {
  /** As the caller knows it. */
  key: string;
  /** Nobody can have ordered under it: it was made up for this call. */
  isNewKey: boolean;
  /** What has the key is to be run again, and is no answer to what the library refuses to run. */
  isNewRun?: boolean | undefined;
  /** What the caller gives the key as. */
  keyName?: string;
  /** Refuses what may not be ordered, or not so; gives hints. */
  check: () => Promise<readonly string[]>;
  /** Must be safe to repeat. */
  start: (attaching: { attachOnly?: true }) => Promise<Started>;
}

/** The same start is repeated so long where Temporal's answer is unclear: under one key it cannot start twice. */
const startMs = 20_000;

/**
 * Starts what passes its check, or says under which key the caller may repeat it. What was taken before is attached to
 * though it would be refused by now, and never made anew: told that nothing was started, its caller would order it again,
 * for a second bill.
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
    // Nothing has the key, or what has it is another order; of one that cannot be read here that is not known.
    throw isGenerationError(error) && error.type !== 'Undecodable' ? tried : error;
  }
}

/** Refused by the check, or by the library, whose rules are those of this version. */
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
