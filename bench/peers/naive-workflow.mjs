import { proxyActivities, sleep } from '@temporalio/workflow';

const patient = proxyActivities({ startToCloseTimeout: '1 minute' });
const once = proxyActivities({ startToCloseTimeout: '1 minute', retry: { maximumAttempts: 1 } });

/** What a first draft looks like: an activity per call, Temporal's default retries. */
export async function naiveGeneration(base, setting, more = {}) {
  const id = await (setting === 'safest' ? once : patient).submit(base, more);
  for (;;) {
    const status = await patient.status(base, id);
    if (status === 'completed' || status === 'succeeded') return await patient.result(base, id);
    if (status === 'failed' || status === 'cancelled') throw new Error(`ended ${status}`);
    await sleep('1 second');
  }
}
