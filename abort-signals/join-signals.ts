import { setMaxListeners } from 'node:events';

/**
 * Aborted with the first of these signals, for its reason, or after so many milliseconds, with a `TimeoutError`. Until then
 * it listens at all of them: one is to be aborted once nobody waits any longer, so that nothing stays behind at the others.
 *
 * By hand: in Node 20 the garbage collector takes an `AbortSignal.timeout` that only an `AbortSignal.any` knows, so that it
 * never comes, and every `AbortSignal.any` leaves something at its signals for as long as these live.
 */
export function joinSignals(signals: readonly AbortSignal[], afterMs?: number): AbortSignal {
  const before = signals.find(({ aborted }) => aborted);
  if (before) return AbortSignal.abort(before.reason);
  const joined = new AbortController();
  const end = () => {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', end);
    const first = signals.find(({ aborted }) => aborted);
    joined.abort(first ? first.reason : new DOMException('The time is up', 'TimeoutError'));
  };
  const timer = afterMs === undefined ? undefined : setTimeout(end, afterMs);
  // As many calls may wait at one signal as there are.
  setMaxListeners(0, ...signals);
  for (const signal of signals) signal.addEventListener('abort', end);
  return joined.signal;
}
