import { once } from 'node:events';
import type { Client } from '@temporalio/client';
import type { Readiness } from './create-gateway.ts';

/** Probes give up after a second; a connection that does not come about takes longer, whatever the deadline of a call. */
const answerWithinMs = 800;
const readableForMs = 10_000;

/** Whether the namespace could be read of late, within a second in any case. */
export function watchReadiness(client: Client, now = () => performance.now()): () => Promise<Readiness> {
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    const { namespace } = client.options;
    const signal = AbortSignal.timeout(answerWithinMs);
    const asking = client.withAbortSignal(signal, () => client.workflowService.describeNamespace({ namespace }));
    const answered = asking.then(
      () => {
        readAt = now();
      },
      () => undefined,
    );
    await Promise.race([answered, once(signal, 'abort')]);
    return now() - readAt < readableForMs ? { ready: true } : { ready: false, reason: 'temporal' };
  };
}
