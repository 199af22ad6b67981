import { constants } from 'node:os';

/** Signals that ask a foreground service to stop gracefully. SIGHUP comes when the session of its shell is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal within this time of the first counts as the same one: on Ctrl-C the terminal signals the process, and npm
 * signals it again.
 */
export const sameWithinMs = 500;

/**
 * Calls `stop` on the first of these signals. A second one ends the process at once, whatever it does or waits for. It
 * exits by itself, because the kernel does not apply a signal's default action to process 1 of a container. Returns a
 * function that stops listening.
 */
export function onStopAsked(stop: () => void): () => void {
  const forget = () => {
    for (const signal of stopSignals) process.off(signal, heard);
  };
  let heardAt: number | undefined;
  const heard = (signal: (typeof stopSignals)[number]) => {
    if (heardAt === undefined) {
      heardAt = performance.now();
      stop();
    } else if (performance.now() - heardAt >= sameWithinMs) {
      process.exit(128 + constants.signals[signal]);
    }
  };
  for (const signal of stopSignals) process.on(signal, heard);
  return forget;
}

/** Waits until a foreground service is asked to stop. */
export function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    onStopAsked(resolve);
  });
}
