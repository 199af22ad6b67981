/** What asks a service in the foreground to stop in good order; SIGHUP comes when the session of its shell is closed. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Calls back at the first of these signals. From then on nobody listens for them, so that a second one ends the process at
 * once, whatever it does or waits for. Gives what ends the listening.
 */
export function onStopAsked(stop: () => void): () => void {
  const forget = () => {
    for (const signal of stopSignals) process.off(signal, heard);
  };
  const heard = () => {
    forget();
    stop();
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
