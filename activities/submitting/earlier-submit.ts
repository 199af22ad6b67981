import { activityInfo } from '@temporalio/activity';
import type { SubmitHeartbeat } from '../../domain/activities.ts';
import { isJsonObject } from '../../domain/json.ts';
import { isRequestId } from '../../domain/request.ts';

/** What an earlier attempt of the current activity may have done with the paid order. */
export type EarlierSubmit =
  | { kind: 'nothing' }
  | { kind: 'accepted'; requestId: string; lastHeartbeat: Partial<SubmitHeartbeat> }
  | { kind: 'unknown'; lastHeartbeat: Partial<SubmitHeartbeat> };

/**
 * What the last heartbeat proves. Temporal also repeats an attempt whose report it could not take or read, so only
 * `not_sent` or no heartbeat at all allows another POST; a heartbeat that cannot be understood forbids it.
 */
export function earlierSubmit(): EarlierSubmit {
  const details: unknown = activityInfo().heartbeatDetails;
  if (details === undefined) return { kind: 'nothing' };
  const lastHeartbeat: Partial<SubmitHeartbeat> = isJsonObject(details) ? details : {};
  if (lastHeartbeat.stage === 'not_sent') return { kind: 'nothing' };
  const { requestId } = lastHeartbeat;
  return isRequestId(requestId) ? { kind: 'accepted', requestId, lastHeartbeat } : { kind: 'unknown', lastHeartbeat };
}
