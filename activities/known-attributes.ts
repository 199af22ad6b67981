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
