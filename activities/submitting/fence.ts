import { activityInfo, cancellationSignal, getClient } from '@temporalio/activity';
import type { SubmitHeartbeat } from '../../domain/activities.ts';

/** Within the heartbeat timeout: later the server refuses the attempt anyway. */
const acknowledgeWithinMs = 8_000;

/**
 * The server may give an attempt up 10 s after it has heard of it, and the workflow then allows 75 s for a POST of a minute
 * and for its id: what began later could still be under way when the order is sent again.
 */
const beginWithinMs = 10_000;

/**
 * Has the server acknowledge that the order is about to be sent, else rejects. Returns what is asked right before the first
 * byte: it throws where the attempt was cancelled since, or where this process was held up for so long that the server may
 * have given it up.
 */
export async function raiseFence(sending: SubmitHeartbeat): Promise<() => void> {
  const { taskToken } = activityInfo();
  const signal = cancellationSignal();
  const client = getClient();
  const begunAt = Date.now();
  const begun = performance.now();
  await client.withDeadline(begunAt + acknowledgeWithinMs, () => client.activity.heartbeat(taskToken, sending));
  return () => {
    if (signal.aborted) throw new Error('the attempt was cancelled before there was one');
    // A machine that sleeps stops the one clock, whoever sets the time moves the other.
    if (Math.max(Date.now() - begunAt, performance.now() - begun) > beginWithinMs) {
      throw new Error(
        `none within ${String(beginWithinMs / 1_000)} s of telling Temporal that the order is about to be sent`,
      );
    }
  };
}
