import type { CancelOptions, CancelReply } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { patiently, readPatienceMs } from './patiently.ts';

/** How long whoever cancels listens. */
export interface PatientCancel {
  /** So many milliseconds RunComfy's answer is awaited where the caller says how long; else as long as clients listen. */
  waitMs?: number | undefined;
  /** It is awaited until so many milliseconds after the call came, where that is sooner. */
  untilMs?: number | undefined;
  /** When the call came, by `performance.now()`. */
  since: number;
  stopping: AbortSignal;
}

/** How long one attempt waits. */
export type CancelTiming = Required<Pick<CancelOptions, 'timeoutMs' | 'stateTimeoutMs'>> & { signal: AbortSignal };

/** Clients and agents give up after a minute: whoever hears nothing by then does not know that they cancelled. */
const wholeMs = 45_000;
const findByMs = 30_000;
const outcomeMs = 30_000;
/** However long all else took, the wish is left. */
const leastMs = 5_000;
/** For what is done once RunComfy's answer is awaited no longer: a few calls of Temporal. */
const lastMs = 10_000;
/** The phase beside an outcome that is not known yet is worth no further wait. */
const phaseMs = 1_000;

/**
 * Cancels a generation and tells what became of it, or that this is not known yet, while its caller still listens. Where
 * Temporal is away or busy for a moment it is asked again.
 */
export async function cancelPatiently(
  { client, generations, reader }: Pick<GatewayParts, 'client' | 'generations' | 'reader'>,
  workflowId: string,
  { reason, ...listening }: PatientCancel & { reason?: string | undefined },
): Promise<CancelReply> {
  return await cancelFound(client, listening, {
    find: () => generations.get(workflowId),
    // Whoever was told `unknown`, or heard nothing, asks again to learn what became of it.
    cancel: (handle, timing) =>
      handle.cancel(reason, { ...timing, isRepeated: true }).finally(() => {
        reader.refresh(workflowId);
      }),
  });
}

/** Finds what is to be cancelled and cancels it, as `cancelPatiently`. */
export async function cancelFound<Handle, Reply>(
  client: GatewayParts['client'],
  { waitMs, untilMs = outcomeMs, since, stopping }: PatientCancel,
  { find, cancel }: { find: () => Promise<Handle>; cancel: (handle: Handle, timing: CancelTiming) => Promise<Reply> },
): Promise<Reply> {
  const leftOf = (ms: number) => since + ms - performance.now();
  const findMs = Math.max(leastMs, Math.min(readPatienceMs, leftOf(findByMs)));
  const handle = await patiently(client, findMs, find);
  const answerMs = waitMs ?? Math.max(leastMs, Math.min(outcomeMs, leftOf(untilMs), leftOf(wholeMs) - lastMs));
  const attempt = (giveUpAt: number) => {
    const timeoutMs = Math.max(giveUpAt - lastMs - Date.now(), 1);
    return cancel(handle, { timeoutMs, stateTimeoutMs: phaseMs, signal: stopping });
  };
  return await patiently(client, answerMs + lastMs, attempt, { asksOthers: true, signal: stopping });
}
