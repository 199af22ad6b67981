import { ApplicationFailure } from '@temporalio/workflow';
import { createIssueList, issuesSentence } from '../domain/issues.ts';
import { isJsonObject } from '../domain/json.ts';
import { checkType, refuseUnknown } from '../domain/request-checks.ts';
import { cutText } from '../domain/text.ts';

/** The payload of a cancel of a pipeline or batch. */
interface CancelMessage {
  reason?: string;
  detach?: boolean;
}

/** Reads a cancel from a payload, which may be absent or junk. */
export function readCancel(payload: unknown): CancelMessage {
  const { reason, detach } = isJsonObject(payload) ? payload : {};
  return {
    ...(typeof reason === 'string' && { reason: cutText(reason, 1_000) }),
    ...(detach === true && { detach }),
  };
}

/**
 * Refuses unknown and malformed fields: someone who misspells `detach` would otherwise wait for work that was to be let
 * go.
 */
export function checkCancel(payload?: unknown): void {
  // A cancel with an unreadable payload is still a cancel.
  if (!isJsonObject(payload)) return;
  const issues = createIssueList();
  const refuse = (field: string, message: string) => {
    issues.add(`$.${field}`, message);
  };
  refuseUnknown(refuse, '', payload, ['cancel', ['reason', 'detach']]);
  const { reason, detach } = payload;
  checkType('reason', reason, 'string', refuse);
  checkType('detach', detach, 'boolean', refuse);
  const found = issues.toIssues();
  if (found.length === 0) return;
  const message = issuesSentence(found);
  throw ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true, details: [{ issues: found }] });
}
