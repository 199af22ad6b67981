import {
  defaultPayloadConverter,
  patched,
  type Payload,
  type PayloadConverter,
  workflowInfo,
} from '@temporalio/workflow';
import { isJsonTextWithin } from '../../domain/json-size.ts';
import { isUtf8 } from '../../domain/utf-8.ts';

/** Whether the start arguments, which come first, have been read. Each workflow has its own copy of this module. */
let isStartRead = false;

/**
 * The memo is decoded before the start arguments, and before a replay sees any marker, so `patched` is not called for
 * it.
 */
let isMemoBroken = false;

type Context = Parameters<PayloadConverter['fromPayload']>[1];

/** Stands in for a payload of malformed JSON. */
export const malformedJson = 'malformed JSON';

/**
 * Bounds of what a workflow task can parse and check in a tenth of a second. Any plan and params within their limits in
 * bytes stay within them, and so does every input that a model takes.
 */
const textBounds = {
  maxValues: 100_000,
  maxNames: 50_000,
  maxDistinctNames: 25_000,
  maxDistinctNameBytes: 400_000,
  maxLevels: 200,
};

/** Stands in for a payload of JSON beyond these bounds. */
export const oversizedJson = 'JSON beyond 100,000 values, 50,000 names (25,000 or 400 kB new) or 200 levels';

/** Stands in for an order in another encoding, which would be sent with U+FFFD in place of letters. */
const notUtf8 = 'JSON that is not UTF-8';

const utf8Patch = 'orders-are-utf-8';

/**
 * Stands in for a payload that is still encrypted, with a key or codec that this worker lacks. Recognised by identity.
 */
const encryptedPayload = Object.freeze({});

/**
 * Temporal's own converter, except for payloads that any client may send: an unreadable one becomes a value that is
 * refused as junk, instead of failing the workflow task again and again. Answers of activities and children are ours
 * and may be paid for, so there the task fails until a worker can read them.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload(payload, context) {
    if (!isOurs(context) && isOversized(payload)) return oversizedJson as never;
    // Checked in every run: what an earlier run hands on is UTF-8, so anything else was given with the start, and is
    // given again to each run of a cron schedule.
    if (!isOurAnswer(context) && isBrokenOrder(payload)) return notUtf8 as never;
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch (error) {
      if (isOurAnswer(context)) throw error;
      const encoding = encodingOf(payload);
      if (encoding === 'json/plain') return malformedJson as never;
      return (encoding === 'binary/encrypted' ? encryptedPayload : unreadable(encoding)) as never;
    }
  },
};

/**
 * Fails the workflow task while an argument of the start is encrypted with a key that this worker lacks: the workflow
 * begins as soon as a worker has the key.
 */
export function waitForKeyOf(...startArguments: unknown[]): void {
  isStartRead = true;
  // An earlier version called `patched` for a memo, and a replay of its histories fails unless its marker is asked for.
  if (isMemoBroken && workflowInfo().unsafe.isReplaying) patched(utf8Patch);
  if (startArguments.includes(encryptedPayload)) throw keyIsMissing();
}

/** Not an `ApplicationFailure`, which would end the workflow instead of its task. */
function keyIsMissing(): Error {
  return new Error(
    'the argument of the start is encrypted with a key that this worker lacks: add the key to RUNCOMFY_CODEC_KEYS_FILE, or stop this worker',
  );
}

/** Stands in for a payload that cannot be read: an encoding that is not known here, or invalid encrypted bytes. */
function unreadable(encoding: string): string {
  return `a payload that cannot be read: ${encoding || 'no encoding'}, not json/plain`;
}

function isOurAnswer(context: Context): boolean {
  if (context === undefined) return false;
  return context.type === 'activity' || context.workflowId !== workflowInfo().workflowId;
}

/**
 * Whether an activity, a child or the previous run wrote the payload. Such a payload is never junk, however large it
 * is.
 */
function isOurs(context: Context): boolean {
  const isCarried = !isStartRead && workflowInfo().continuedFromExecutionRunId !== undefined;
  return isCarried || isOurAnswer(context);
}

function isOversized(payload: Payload): boolean {
  const { data } = payload;
  if (data === undefined || data === null) return false;
  return encodingOf(payload).startsWith('json/') && !isJsonTextWithin(data, textBounds);
}

/** Whether a start argument is JSON that is not UTF-8. Text of messages and memos is never sent to RunComfy. */
function isBrokenOrder(payload: Payload): boolean {
  const { data } = payload;
  if (isStartRead || data === undefined || data === null || !encodingOf(payload).startsWith('json/')) return false;
  if (isUtf8(data)) return false;
  if (workflowInfo().memo !== undefined) return patched(utf8Patch);
  isMemoBroken = true;
  return false;
}

function encodingOf({ metadata }: Payload): string {
  return String.fromCharCode(...(metadata?.['encoding'] ?? []).slice(0, 100));
}
