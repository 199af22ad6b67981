/**
 * Shortest wait for which the workflow sets a timer, in milliseconds. A shorter wait passes in the read activity and
 * adds nothing to the history.
 */
export const shortestTimerMs = 15_000;

/** Whether the read activity itself waits for the next read, so that the workflow asks for it at once. */
export function isNextReadSoon(nextReadInMs: number): boolean {
  return nextReadInMs < shortestTimerMs;
}
