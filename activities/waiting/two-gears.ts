/** The shortest wait that a workflow timer is for; a shorter one passes in the read activity and costs the history nothing. */
export const shortestTimerMs = 15_000;

/** Whether the read activity itself waits for the next read, so that the workflow asks for it at once. */
export function isNextReadSoon(nextReadInMs: number): boolean {
  return nextReadInMs < shortestTimerMs;
}
