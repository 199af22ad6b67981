import type { Activities } from '../domain/activities.ts';
import type { ActivityDeps } from './activity-deps.ts';

/** Asks Temporal which search attributes there are just now; a local activity. */
export function createListSearchAttributes({
  existingSearchAttributes,
}: ActivityDeps): Activities['listSearchAttributes'] {
  return async ({ names }) => ({ existing: await existingSearchAttributes(names) });
}
