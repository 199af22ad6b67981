import type { Activities } from '../domain/activities.ts';
import { evidenceNote } from '../domain/generation.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { ActivityDeps } from './activity-deps.ts';
import { toApplicationFailure } from './to-application-failure.ts';

/** `GET /balance` and the catalogue's price, for the person who has to decide about an unknown submission. */
export function createGatherEvidence({ runcomfy, expectedPriceUsd }: ActivityDeps): Activities['gatherEvidence'] {
  return async ({ model, input, sentAt, balanceBefore }) => {
    const price = await expectedPriceUsd(model, input).catch(() => undefined);
    const after = await runcomfy.balance().catch((error: unknown) => {
      throw toApplicationFailure(error, 'read');
    });
    return {
      ...withoutUndefined({ sentAt, balanceBefore, expectedPriceUsd: price }),
      balanceAfter: { microdollars: after.microdollars, readAt: new Date().toISOString() },
      note: evidenceNote,
    };
  };
}
