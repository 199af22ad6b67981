import { activityInfo } from '@temporalio/activity';
import type { KnownAttributes } from '../domain/names.ts';

/** What a worker knows of the server's search attributes, for a workflow that may hear of it much later. */
export function knownAttributes({ searchAttributes }: { searchAttributes: () => string[] }): KnownAttributes {
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return {
    searchAttributes: searchAttributes(),
    searchAttributesAsOf: new Date(currentAttemptScheduledTimestampMs).toISOString(),
  };
}

/** The same for a workflow that asks; nothing of a worker that knows of none, which may not have been told yet. */
export function attributesFor(
  { wantsSearchAttributes }: { wantsSearchAttributes?: boolean },
  deps: { searchAttributes: () => string[] },
): Partial<KnownAttributes> {
  const known = knownAttributes(deps);
  return wantsSearchAttributes && known.searchAttributes.length > 0 ? known : {};
}
