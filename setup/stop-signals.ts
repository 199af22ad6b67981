import { constants } from 'node:os';

/** What asks a service in the foreground to stop in good order; SIGHUP comes when the session of its shell is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What comes within this time is the same signal: of Ctrl-C a terminal tells the process, and npm tells it once more. */
export const sameWithinMs = 500;

/**
 * Calls back at the first of these signals. A second one ends the process at once, whatever it does or waits for: by its
 * own hand, as the kernel spares process 1 of a container what nobody listens for. Gives what ends the listening.
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

/** Waits until a service in the foreground is asked to stop. */
export function stopAsked(): Promise<void> {
  return new Promise((resolve) => {
    onStopAsked(resolve);
  });
}
