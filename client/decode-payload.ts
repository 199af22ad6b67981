import type { Client } from '@temporalio/client';
import type { Payload, SerializationContext } from '@temporalio/common';

/**
 * Stands for a payload that cannot be decoded here: it was encoded by another codec, or with a key that this process
 * lacks.
 */
export const undecodable = Symbol('undecodable');

/**
 * The workflow, or the activity of that workflow, that a payload belongs to: a codec may have bound the payload to it.
 */
export interface PayloadOwner {
  workflowId: string;
  activityId?: string | null | undefined;
}

/** Decodes one payload as the client's converter and codecs would. */
export async function decodePayload(
  client: Client,
  payload: Payload | null | undefined,
  owner: PayloadOwner,
): Promise<unknown> {
  if (!payload) return undefined;
  const context = serializationContext(client, owner);
  const { payloadCodecs, payloadConverter } = client.options.loadedDataConverter;
  try {
    let payloads = [payload];
    for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads, context);
    const [decoded] = payloads;
    return decoded === undefined ? undefined : payloadConverter.fromPayload(decoded, context);
  } catch {
    return undecodable;
  }
}

/** The serialization context that the SDK passes to codecs and converters for payloads of this owner. */
export function serializationContext(
  { options: { namespace } }: Client,
  { workflowId, activityId }: PayloadOwner,
): SerializationContext {
  return activityId
    ? { type: 'activity', namespace, workflowId, activityId, isLocal: false }
    : { type: 'workflow', namespace, workflowId };
}
