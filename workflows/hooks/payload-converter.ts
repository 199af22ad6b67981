import {
  defaultPayloadConverter,
  patched,
  type Payload,
  type PayloadConverter,
  workflowInfo,
} from '@temporalio/workflow';
import { isJsonTextWithin } from '../../domain/json-size.ts';
import { isUtf8 } from '../../domain/utf-8.ts';

/** The arguments of the start come first; each workflow has this module for itself. */
let isStartRead = false;

/** The memo is decoded before them, and before a replay hears of any marker: no patch is asked for over it. */
let isMemoBroken = false;

type Context = Parameters<PayloadConverter['fromPayload']>[1];

/** Stands for a payload of JSON that is none. */
export const malformedJson = 'malformed JSON';

/**
 * What a workflow task can parse and check in a tenth of a second. Any plan and params within their bytes are within, and
 * so is whatever a model takes.
 */
const textBounds = {
  maxValues: 100_000,
  maxNames: 50_000,
  maxDistinctNames: 25_000,
  maxDistinctNameBytes: 400_000,
  maxLevels: 200,
};

/** Stands for a payload of JSON that is beyond these bounds. */
export const oversizedJson = 'JSON beyond 100,000 values, 50,000 names (25,000 or 400 kB new) or 200 levels';

/** Stands for an order in another encoding: it would be sent with U+FFFD in the place of letters. */
const notUtf8 = 'JSON that is not UTF-8';

const utf8Patch = 'orders-are-utf-8';

/** Stands for a payload that is still encrypted: by a key, or a codec, that this worker lacks. Told by identity. */
const encryptedPayload = Object.freeze({});

/**
 * Temporal's own converter, but for what any client may send: a payload that cannot be read is a piece of junk to be
 * refused as such, not a reason for a workflow task to fail again and again. What activities and children answer is ours
 * and may be paid for, so there the task fails until a worker can read it.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload(payload, context) {
    if (!isOurs(context) && isOversized(payload)) return oversizedJson as never;
    // What an earlier run hands on is UTF-8: what is not was given with a start, and with every run of its cron schedule.
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
  // An earlier version did ask over a memo: a replay of what it ran fails unless its marker is asked for.
  if (isMemoBroken && workflowInfo().unsafe.isReplaying) patched(utf8Patch);
  if (startArguments.includes(encryptedPayload)) throw keyIsMissing();
}

/** No `ApplicationFailure`, which would end the workflow instead of its task. */
function keyIsMissing(): Error {
  return new Error(
    'the argument of the start is encrypted with a key that this worker lacks: add the key to RUNCOMFY_CODEC_KEYS_FILE, or stop this worker',
  );
}

/** Stands for a payload that cannot be read: an encoding that is not known here, or encrypted bytes that are none. */
function unreadable(encoding: string): string {
  return `a payload that cannot be read: ${encoding || 'no encoding'}, not json/plain`;
}

function isOurAnswer(context: Context): boolean {
  if (context === undefined) return false;
  return context.type === 'activity' || context.workflowId !== workflowInfo().workflowId;
}

/** What an activity, a child or the run before this one wrote: nothing of it is junk, however large it is. */
function isOurs(context: Context): boolean {
  const isCarried = !isStartRead && workflowInfo().continuedFromExecutionRunId !== undefined;
  return isCarried || isOurAnswer(context);
}

function isOversized(payload: Payload): boolean {
  const { data } = payload;
  if (data === undefined || data === null) return false;
  return encodingOf(payload).startsWith('json/') && !isJsonTextWithin(data, textBounds);
}

/** Of messages and memos no text is ever sent to RunComfy. */
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
