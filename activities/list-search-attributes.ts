import type { Activities } from '../domain/activities.ts';
import type { ActivityDeps } from './activity-deps.ts';

/** Asks Temporal which of these search attributes exist right now. */
export function createListSearchAttributes({
  existingSearchAttributes,
}: ActivityDeps): Activities['listSearchAttributes'] {
  return async ({ names }) => ({ existing: await existingSearchAttributes(names) });
}
