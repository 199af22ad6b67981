import type { BatchActivities } from '../../domain/batch/batch-activities.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { answerWithinMs } from '../pipeline/cancel-generations.ts';
import { inParts } from '../pipeline/in-parts.ts';
import { withHeartbeats } from '../pipeline/with-heartbeats.ts';
import type { BatchDeps } from './batch-deps.ts';
import { createItemReader } from './item-reader.ts';

/** Asks everything in flight to cancel, what a lost window has started included. Asking twice changes nothing. */
export function createCancelItems(deps: BatchDeps): BatchActivities['cancelItems'] {
  return (question) =>
    withHeartbeats(async () => {
      const orders = question.hasPlan ? deps.pipelines : deps.orders;
      const readItem = createItemReader(deps, question);
      const attached: number[] = [];
      const asked = await inParts(question.doubtful, async (index) => {
        const { key } = await readItem(index);
        const made = await orders.wasStarted(key, { run: question.firstRunId, index });
        if (made === 'before') attached.push(index);
        // Of what was paid Temporal may keep nothing any more.
        return made || (question.paid?.[index] ?? 0) > 0 ? [index] : [];
      });
      const started = asked.flat();
      const inFlight = [...question.open.map(({ index }) => index), ...started];
      const outcomes = await inParts(inFlight, async (index): Promise<CancelOutcome> => {
        const { key } = await readItem(index);
        return await orders.cancel(key, question.reason, answerWithinMs);
      });
      return { outcomes, started, ...(attached.length > 0 && { attached }) };
    });
}
