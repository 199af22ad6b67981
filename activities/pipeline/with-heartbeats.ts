import { heartbeat } from '@temporalio/activity';

const heartbeatEveryMs = 3_000;

/** Runs something slow, with heartbeats that tell Temporal that the worker is alive. */
export async function withHeartbeats<T>(run: () => Promise<T>, everyMs = heartbeatEveryMs): Promise<T> {
  const heartbeats = setInterval(() => {
    heartbeat();
  }, everyMs);
  try {
    return await run();
  } finally {
    clearInterval(heartbeats);
  }
}
