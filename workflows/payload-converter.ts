import type { Payload, PayloadConverter } from '@temporalio/workflow';
import { defaultPayloadConverter } from '@temporalio/workflow';

/** Stands for a payload of JSON that is none. */
export const malformedJson = 'malformed JSON';

/**
 * Temporal's own converter, but for what any client may send: JSON that does not parse is a piece of junk to be refused
 * as such, not a reason for a workflow task to fail again and again. What is encrypted by a codec that this worker lacks
 * still fails the task, so that the generation goes on as soon as a worker has the codec.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload(payload) {
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch (error) {
      if (isJson(payload)) return malformedJson as never;
      throw error;
    }
  },
};

/** `json/plain`, and the encodings of other SDKs such as `json/protobuf`. */
function isJson({ metadata }: Payload): boolean {
  const encoding = metadata?.['encoding'];
  return encoding !== undefined && String.fromCharCode(...encoding.slice(0, 5)) === 'json/';
}
