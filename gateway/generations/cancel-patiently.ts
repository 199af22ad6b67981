import type { CancelOptions, CancelReply } from '../../client/index.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { patiently, readPatienceMs } from './patiently.ts';

/** How long the caller of a cancel waits. */
export interface PatientCancel {
  /** Milliseconds to wait for RunComfy's answer if the caller specifies it; default: as long as clients wait. */
  waitMs?: number | undefined;
  /** The wait ends this many milliseconds after the call came, if that is sooner. */
  untilMs?: number | undefined;
  /** When the call came, by `performance.now()`. */
  since: number;
  stopping: AbortSignal;
}

/** The timeouts of one attempt. */
export type CancelTiming = Required<Pick<CancelOptions, 'timeoutMs' | 'stateTimeoutMs'>> & { signal: AbortSignal };

/** Clients and agents give up after a minute; one that has no answer by then does not know that it cancelled. */
const wholeMs = 45_000;
const findByMs = 30_000;
const outcomeMs = 30_000;
/** Least time for each part, so that the cancel is recorded however long everything else took. */
const leastMs = 5_000;
/** Time reserved for the calls to Temporal after the wait for RunComfy's answer. */
const lastMs = 10_000;
/** Longest wait for the phase that goes with an outcome not known yet. */
const phaseMs = 1_000;

/**
 * Cancels a generation and reports the outcome, or that it is not known yet, while the caller still waits. Retries
 * while Temporal is away or busy.
 */
export async function cancelPatiently(
  { client, generations, reader }: Pick<GatewayParts, 'client' | 'generations' | 'reader'>,
  workflowId: string,
  { reason, ...listening }: PatientCancel & { reason?: string | undefined },
): Promise<CancelReply> {
  return await cancelFound(client, listening, {
    find: () => generations.get(workflowId),
    // A caller that got `unknown`, or no answer, repeats the call to learn the outcome.
    cancel: (handle, timing) =>
      handle.cancel(reason, { ...timing, isRepeated: true }).finally(() => {
        reader.refresh(workflowId);
      }),
  });
}

/** Finds a workflow and cancels it, with the timing of `cancelPatiently`. */
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
