import { activityInfo, cancellationSignal, getClient } from '@temporalio/activity';
import type { SubmitHeartbeat } from '../../domain/activities.ts';

/**
 * Timeout of the acknowledgement, in milliseconds: within the heartbeat timeout, after which the server refuses the
 * attempt anyway.
 */
const acknowledgeWithinMs = 8_000;

/**
 * Longest time from telling the server to the first byte, in milliseconds. The server may give an attempt up 10 s after
 * it last heard of it, and the workflow then allows 75 s for a POST of up to a minute and for its id. A POST that began
 * later could still be in flight when the order is sent again.
 */
const beginWithinMs = 10_000;

/**
 * Has the server acknowledge that the order is about to be sent; rejects if it does not. Returns a check to be made
 * right before the first byte, which throws if the attempt has been cancelled since, or if this process was held up so
 * long that the server may have given the attempt up.
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
    // Both clocks, since a sleeping machine stops one of them, and setting the time moves the other.
    if (Math.max(Date.now() - begunAt, performance.now() - begun) > beginWithinMs) {
      throw new Error(
        `none within ${String(beginWithinMs / 1_000)} s of telling Temporal that the order is about to be sent`,
      );
    }
  };
}
