import type { CancelReply } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { patiently, readPatienceMs } from './patiently.ts';

/** How a cancel is asked for, and how long its caller listens. */
export interface PatientCancel {
  reason?: string | undefined;
  /** So many milliseconds RunComfy's answer is awaited where the caller says how long; else as long as clients listen. */
  waitMs?: number | undefined;
  /** It is awaited until so many milliseconds after the call came, where that is sooner. */
  untilMs?: number | undefined;
  /** When the call came, epoch ms. */
  since: number;
  stopping: AbortSignal;
}

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
 * Temporal is away for a moment it is asked again.
 */
export async function cancelPatiently(
  { client, generations, reader }: Pick<GatewayParts, 'client' | 'generations' | 'reader'>,
  workflowId: string,
  { reason, waitMs, untilMs = outcomeMs, since, stopping }: PatientCancel,
): Promise<CancelReply> {
  const leftOf = (ms: number) => since + ms - Date.now();
  const findMs = Math.max(leastMs, Math.min(readPatienceMs, leftOf(findByMs)));
  const handle = await patiently(client, findMs, () => generations.get(workflowId));
  const answerMs = waitMs ?? Math.max(leastMs, Math.min(outcomeMs, leftOf(untilMs), leftOf(wholeMs) - lastMs));
  const cancel = (giveUpAt: number) => {
    const timeoutMs = Math.max(giveUpAt - lastMs - Date.now(), 1);
    // Whoever was told `unknown`, or heard nothing, asks again to learn what became of it.
    return handle.cancel(reason, { timeoutMs, stateTimeoutMs: phaseMs, isRepeated: true, signal: stopping });
  };
  const asking = { asksOthers: true, signal: stopping };
  return await patiently(client, answerMs + lastMs, cancel, asking).finally(() => {
    reader.refresh(workflowId);
  });
}
