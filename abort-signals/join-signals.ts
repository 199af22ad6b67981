import { setMaxListeners } from 'node:events';

/**
 * Aborts with the first of these signals, for its reason, or after `afterMs` milliseconds with a `TimeoutError`. Until
 * then it listens on all of them. Abort one of them once nobody waits any more, so that no listener is left on the
 * others.
 *
 * Done by hand because of Node 20: the garbage collector collects an `AbortSignal.timeout` that only an
 * `AbortSignal.any` refers to, so that it never fires, and every `AbortSignal.any` leaves something behind on its
 * signals for as long as they live.
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
  // Any number of calls may wait on one signal, so the limit on listeners is lifted.
  setMaxListeners(0, ...signals);
  for (const signal of signals) signal.addEventListener('abort', end);
  return joined.signal;
}
