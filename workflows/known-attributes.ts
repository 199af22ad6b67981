import { log } from '@temporalio/workflow';
import { searchAttributeNames } from '../domain/names.ts';
import { messageOf } from '../domain/text.ts';
import { attributeChecks } from './activity-options.ts';

/**
 * The server fails every workflow task that sets a search attribute which is gone. So what was said of them is believed for
 * so long from the question on; later, and in a task that has failed for as long, they are asked for anew. That is some ten
 * events, and most plans and batches are over before.
 */
export const believedForMs = 600_000;

/**
 * Asks which of these search attributes the server knows; an answer counts for so many ms from the question on. Undefined:
 * it does not say, and what is shown may be missed.
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
