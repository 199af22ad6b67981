import { activityInfo } from '@temporalio/activity';
import type { KnownAttributes } from '../domain/names.ts';

/** The server's search attributes as the worker knows them, dated, since the workflow may hear of them much later. */
export function knownAttributes({ searchAttributes }: { searchAttributes: () => string[] }): KnownAttributes {
  const { currentAttemptScheduledTimestampMs } = activityInfo();
  return {
    searchAttributes: searchAttributes(),
    searchAttributesAsOf: new Date(currentAttemptScheduledTimestampMs).toISOString(),
  };
}

/** The same if the workflow asks for it. Nothing if the worker knows of none, since it may not have been told yet. */
export function attributesFor(
  { wantsSearchAttributes }: { wantsSearchAttributes?: boolean },
  deps: { searchAttributes: () => string[] },
): Partial<KnownAttributes> {
  const known = knownAttributes(deps);
  return wantsSearchAttributes && known.searchAttributes.length > 0 ? known : {};
}
