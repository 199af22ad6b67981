import type { FailureType } from '../failure-type.ts';
import { jsonBytes, withoutUndefined } from '../json.ts';
import { cutText } from '../text.ts';
import { type BatchCounts, type BatchFailureGroup, batchLimits, type BatchLine, type LineStatus } from './batch.ts';

const maxMessageChars = 2_000;
const maxGroups = 20;
const maxGroupMessageChars = 300;
const maxLastIds = 5;

/** The status of an item whose order failed with this type. */
export function statusOfFailure(type: FailureType): LineStatus {
  switch (type) {
    case 'GenerationCancelled':
    case 'PipelineCancelled':
      return 'cancelled';
    case 'GenerationTimedOut':
    case 'PipelineTimedOut':
      return 'timed_out';
    case 'SubmitOutcomeUnknown':
      return 'submission_unknown';
    case 'InvalidInput':
    case 'Unauthenticated':
    case 'InsufficientBalance':
    case 'RequestNotFound':
    case 'RateLimited':
    case 'ServiceUnavailable':
    case 'ProtocolMismatch':
    case 'GenerationFailed':
    case 'BudgetExceeded':
    case 'PriceUnknown':
    case 'PipelineFailed':
      return 'failed';
  }
}

/** The line as stored. A line that is too large keeps only what is needed to find the rest. */
export function boundLine(line: BatchLine): BatchLine {
  const { error } = line;
  const cut = error ? { ...line, error: { ...error, message: cutText(error.message, maxMessageChars) } } : line;
  return jsonBytes(cut) <= batchLimits.lineBytes ? cut : shorten(cut);
}

/**
 * Shortens lines, the largest first, until they fit into `maxBytes` of JSON or all are short. A shortened line keeps
 * only what is needed to find the rest.
 */
export function boundLines(lines: readonly BatchLine[], maxBytes: number): BatchLine[] {
  const bounded = [...lines];
  const sized = lines.map((line, at) => ({ line, at, bytes: jsonBytes(line) + 1 }));
  let bytes = sized.reduce((sum, each) => sum + each.bytes, 1);
  for (const large of sized.sort((a, b) => b.bytes - a.bytes)) {
    if (bytes <= maxBytes) break;
    const short = shorten(large.line);
    bounded[large.at] = short;
    bytes += jsonBytes(short) + 1 - large.bytes;
  }
  return bounded;
}

function shorten({ id, key, status, requestId, costUsd }: BatchLine): BatchLine {
  return { id, key, status, ...withoutUndefined({ requestId, costUsd }), truncated: true };
}

/** The counter that a line with this status belongs to. */
export function countOfStatus(status: LineStatus): Exclude<keyof BatchCounts, 'total' | 'waiting' | 'inFlight'> {
  switch (status) {
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return status;
    case 'timed_out':
      return 'timedOut';
    case 'submission_unknown':
      return 'unknown';
    case 'not_started':
      return 'notStarted';
  }
}

/**
 * Whether a line counts as a failure when failures in a row pause a batch; undefined if it neither counts nor ends the
 * row.
 */
function isFailedLine({ status }: Pick<BatchLine, 'status'>): boolean | undefined {
  if (status === 'succeeded') return false;
  return status === 'cancelled' || status === 'not_started' ? undefined : true;
}

/** Failures in a row after one more line. */
export function failuresInARowAfter(count: number, line: Pick<BatchLine, 'status'>): number {
  const isFailed = isFailedLine(line);
  return isFailed === undefined ? count : isFailed ? count + 1 : 0;
}

/** Adds a line to the failures by type. Types beyond the first 20 are grouped as `other`. */
export function withFailure(
  groups: readonly BatchFailureGroup[],
  { id, status, error }: BatchLine,
): BatchFailureGroup[] {
  if (!error || status === 'succeeded') return [...groups];
  const known = groups.some((group) => group.type === error.type);
  const type = known || groups.length < maxGroups ? error.type : 'other';
  const before = groups.find((group) => group.type === type);
  const group: BatchFailureGroup = {
    type,
    count: (before?.count ?? 0) + 1,
    lastMessage: cutText(error.message, maxGroupMessageChars),
    lastIds: [...(before?.lastIds ?? []), id].slice(-maxLastIds),
  };
  return before ? groups.map((each) => (each === before ? group : each)) : [...groups, group];
}
