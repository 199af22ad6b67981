import { log } from '@temporalio/workflow';
import { searchAttributeNames } from '../domain/names.ts';
import { messageOf } from '../domain/text.ts';
import { attributeChecks } from './activity-options.ts';

/**
 * How long an answer about search attributes is believed, in milliseconds from the question. The server fails every
 * workflow task that sets a search attribute which was removed, so it is asked again after this time, and in a task
 * that has failed for this long. That costs about ten events; most plans and batches are over before.
 */
export const believedForMs = 600_000;

/**
 * Asks which of these search attributes the server knows. Asks again if the answer took longer than `countsForMs`.
 * Undefined if the server does not say: the search attributes can be done without.
 */
export async function askForAttributes(
  names: string[] = searchAttributeNames,
  countsForMs = believedForMs,
): Promise<string[] | undefined> {
  try {
    for (;;) {
      const askedAt = Date.now();
      const { existing } = await attributeChecks.listSearchAttributes({ names });
      if (Date.now() - askedAt <= countsForMs) return existing;
    }
  } catch (error) {
    log.warn('Temporal does not say which search attributes there are', { reason: messageOf(error) });
    return undefined;
  }
}
