import { proxyActivities, sleep } from '@temporalio/workflow';

interface PlainActivities {
  submit: (base: string) => Promise<string>;
  status: (base: string, requestId: string) => Promise<string>;
  result: (base: string, requestId: string) => Promise<unknown>;
  nothing: () => Promise<void>;
}

const { submit, status, result, nothing } = proxyActivities<PlainActivities>({ startToCloseTimeout: '1 minute' });

/** The loop of a first draft: a two-second timer, and one activity per read. */
export async function pollingLoop(base: string): Promise<unknown> {
  const requestId = await submit(base);
  for (;;) {
    const word = await status(base, requestId);
    if (word === 'completed' || word === 'succeeded') return await result(base, requestId);
    await sleep('2 seconds');
  }
}

/** The same loop with scripted waits in milliseconds; the last one is repeated. */
export async function scriptedLoop(base: string, waits: number[]): Promise<unknown> {
  const requestId = await submit(base);
  for (let read = 0; ; read += 1) {
    await sleep(waits[Math.min(read, waits.length - 1)] ?? 0);
    const word = await status(base, requestId);
    if (word === 'completed' || word === 'succeeded') return await result(base, requestId);
  }
}

/** The smallest workflow with the steps of a generation: four activities that do nothing, and one timer. */
export async function bareSteps(): Promise<void> {
  await nothing();
  await nothing();
  await sleep(1);
  await nothing();
  await nothing();
}
