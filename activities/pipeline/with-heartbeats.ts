import { heartbeat } from '@temporalio/activity';

const heartbeatEveryMs = 3_000;

/** Runs what takes long, and tells Temporal meanwhile that the worker lives. */
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
