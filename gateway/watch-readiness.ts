import { once } from 'node:events';
import type { Client } from '@temporalio/client';
import type { Readiness } from './create-gateway.ts';

/**
 * Probes give up after a second. A connection that cannot be established takes longer, whatever the deadline of the
 * call.
 */
const answerWithinMs = 800;
const readableForMs = 10_000;

/** Makes a function that tells whether the namespace could be read recently; it answers within a second. */
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
